import SoupCLI
import SoupStudyCLI

Program.main(SoupStudyCommand.self)
