import SoupData

/// What reads data sets: each refuses with a `DataError`.
enum DataParsers {
  static func array(_ input: [UInt8]) {
    do {
      let array = try NPY(Array(input.prefix(1 << 16)), fileSize: input.count, name: "fuzz")
      guard array.offset + array.byteCount == input.count else { fatalError("the array is not the file") }
    } catch {}
  }

  static func tar(_ input: [UInt8]) {
    do {
      for entry in try TarArchive(input).entries where entry.range.upperBound > input.count {
        fatalError("an entry is outside of the archive")
      }
    } catch {}
  }

  static func image(_ input: [UInt8]) {
    do {
      let image = try ImageCodec(pixelLimit: 1 << 20).decode(input)
      guard image.pixels.count == image.width * image.height * 3 else { fatalError("the pixels do not fill the image") }
    } catch is DataError {
    } catch {
      fatalError("an error of another kind: \(error)")
    }
  }

  /// IDX is read from files only.
  static func idx(_ input: [UInt8]) {
    let path = "/dev/shm/soup-fuzz-\(getpid()).idx"
    guard let file = fopen(path, "wb") else { fatalError("no \(path)") }
    _ = input.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    fclose(file)
    for rank in [1, 3] {
      do {
        let tensor = try IDX.read(path, rank: rank)
        guard tensor.shape.count == rank else { fatalError("the tensor has another rank") }
      } catch {}
    }
  }
}
