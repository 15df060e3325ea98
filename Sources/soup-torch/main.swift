import SoupCLI
import SoupTorchCLI

Program.main(SoupTorchCommand.self)
