import Foundation
import SoupData
import Testing

@Suite struct DatasetSpecificationTests {
  @Test(arguments: [
    "fashion-mnist", "mnist", "cifar10", "cifar100", "cifar100-coarse", "cifar10:/a/b", "idx:rel:ative",
  ])
  func textAndValueAgree(text: String) throws {
    let specification = try DatasetSpecification(parsing: text)
    #expect(specification.description == text)
    #expect(
      try JSONDecoder().decode([DatasetSpecification].self, from: JSONEncoder().encode([specification]))[0]
        == specification)
  }

  @Test func unknownNamesListTheKnownOnes() throws {
    for text in ["imagenette", "", "cifar", ":/path"] {
      let error = try #require(throws: DataError.self) { try DatasetSpecification(parsing: text) }
      #expect(error.code == .unknownDataset)
      #expect(error.description.contains("fashion-mnist, mnist, idx, cifar10, cifar100"))
    }
    #expect(throws: DataError.self) { try DatasetSpecification(parsing: "cifar10:") }
    #expect(throws: DataError.self) { try DatasetSpecification(parsing: "idx") }
    #expect(try DatasetSpecification(parsing: "Fashion_MNIST").kind == .fashionMNIST)
  }

  @Test func foldersAreTriedInOrder() throws {
    let environment = ["SOUP_DATA": "/sets", "HOME": "/home/me"]
    func candidates(_ text: String, _ environment: [String: String] = [:]) throws -> [String] {
      try DatasetSpecification(parsing: text).candidates(environment: environment, currentDirectory: "/here")
    }
    #expect(
      try candidates("cifar100-coarse", environment) == [
        "/sets/cifar100", "/here/data/cifar100", "/usr/local/share/datasets/cifar100", "/usr/share/datasets/cifar100",
      ])
    #expect(try candidates("mnist").first == "/here/data/mnist")
    #expect(try candidates("mnist:/a/b", environment) == ["/a/b"])
    #expect(try candidates("mnist:b", environment) == ["/here/b"])
    #expect(try candidates("mnist:~/b", environment) == ["/home/me/b"])
  }

  @Test func aMissingFolderListsEveryPlaceAndHowToGetIt() throws {
    let folder = try TemporaryFolder()
    let error = try #require(throws: DataError.self) {
      try DatasetSpecification(.cifar10).load(.train, environment: [:], currentDirectory: folder.path)
    }
    #expect(error.code == .notFound)
    #expect(error.description.contains(folder.path + "/data/cifar10"))
    #expect(error.description.contains("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"))
    #expect(error.description.contains("into data/cifar10"))
  }
}
