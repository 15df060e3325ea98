import SoupCLI

Program.main(SoupCommand.self)
