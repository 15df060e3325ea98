import Foundation
import SoupData
import Testing

@Suite struct DamagedImageTests {
  private func code(_ bytes: [UInt8], limit: Int = 178_956_970) -> DataError.Code? {
    do {
      _ = try ImageCodec(pixelLimit: limit).decode(bytes, name: "image")
      return nil
    } catch let error as DataError {
      return error.code
    } catch {
      Issue.record(error)
      return nil
    }
  }

  @Test func anImageCutOffAnywhereIsRefused() {
    for name in ["baseline.jpg", "progressive.jpg", "cmyk.jpg", "colour.png", "palette.png"] {
      let bytes = PillowReference.file(name)
      for length in stride(from: 0, to: bytes.count - 2, by: 7) {
        let found = code(Array(bytes[..<length]))
        #expect(found == .wrongSize || found == .damaged, "\(name) cut to \(length)")
      }
    }
  }

  @Test func anImageCutOffBelowThePartThatIsWantedIsRefusedToo() throws {
    let bytes = Array(PillowReference.file("baseline.jpg").dropLast(40))
    let pixels = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 12)
    defer { pixels.deallocate() }
    #expect(throws: DataError.self) {
      try bytes.withUnsafeBytes {
        try ImageCodec().decode(
          $0, region: .init(left: 0, top: 0, width: 2, height: 2), into: pixels, name: "cut")
      }
    }
  }

  @Test func anEmptyFileSaysSo() {
    #expect(code([]) == .wrongSize)
  }

  @Test func fiftyThousandBySidesClaimedInAHeaderGetNoMemory() {
    // JPEG: the sizes are in the frame header.
    var jpeg = PillowReference.file("baseline.jpg")
    let frame = jpeg.indices.first { jpeg[$0] == 0xff && jpeg[$0 + 1] == 0xc0 }!
    jpeg.replaceSubrange(frame + 5..<frame + 9, with: [0xc3, 0x50, 0xc3, 0x50])
    #expect(code(jpeg) == .tooLarge)
    // PNG: in the first chunk, whose checksum must agree.
    var header: [UInt8] = Array("IHDR".utf8) + [0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50, 8, 2, 0, 0, 0]
    var crc: UInt32 = 0xffff_ffff
    for byte in header {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    header += withUnsafeBytes(of: (~crc).bigEndian) { Array($0) }
    let png = PillowReference.file("colour.png")
    #expect(code(Array(png[..<12]) + header + png[33...]) == .tooLarge)
    // Below the limit, the file is too short for what it claims.
    #expect(code(Array(png[..<12]) + header + png[33...], limit: .max) == .wrongSize)
  }

  @Test func theLimitIsTheUsers() {
    let bytes = PillowReference.file("colour.png")
    #expect(code(bytes, limit: 32 * 24) == nil)
    #expect(code(bytes, limit: 32 * 24 - 1) == .tooLarge)
  }

  @Test func anyFlippedByteGivesAnErrorOrPixels() {
    for name in ["baseline.jpg", "progressive.jpg", "colour.png", "sixteen.png"] {
      let bytes = PillowReference.file(name)
      for position in stride(from: 0, to: bytes.count, by: 3) {
        var damaged = bytes
        damaged[position] ^= 0x5a
        _ = try? ImageCodec(pixelLimit: 1 << 22).decode(damaged)
      }
    }
  }

  @Test func otherFilesAreNamed() {
    #expect(throws: DataError.self) { try ImageCodec().decode(Array("GIF89a…".utf8), name: "a.jpg") }
    do {
      _ = try ImageCodec().decode(Array("GIF89a…".utf8), name: "a.jpg")
    } catch {
      #expect("\(error)".contains("a.jpg") && "\(error)".contains("47 49 46"))
    }
  }
}
