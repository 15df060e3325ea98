import SoupTorchCLI

SoupTorchCommand.main()
