import SoupCheckpoints

/// One thread of a mix: mixes a piece at a time.
struct MixWorker {
  let plan: MixPlan
  let work: MixWork
  let surveys: SurveyBoard
  let target: MixTarget
  let readAhead: ReadAhead?
  /// Elements of one block.
  let blockElements: Int
  let block: MergeBlock

  /// Mixes a piece, unless an earlier process has, and returns the bytes of input done so far in all.
  func mix(_ piece: MixWork.Piece) throws -> Int {
    let tensor = plan.tensors[piece.tensor]
    if let findings = target.findings(inFinished: piece, of: tensor.output, buffer: { block.memoryForReading }) {
      surveys.merged(piece.tensor, elements: piece.elements.count)
      return work.finish(piece, findings, isContinued: true)
    }
    readAhead?.reading(piece.tensor, piece.elements)
    // Whole rows, where a method needs them.
    let step = max(1, blockElements / tensor.rowLength) * tensor.rowLength
    let merger = tensor.isMixed ? try merger(of: piece.tensor, step: step) : nil
    var findings = MixWork.Findings()
    var checksum = MixTarget.Checksum()
    for lower in stride(from: piece.elements.lowerBound, to: piece.elements.upperBound, by: step) {
      let elements = lower..<min(lower + step, piece.elements.upperBound)
      let memory = target.destination(tensor.output, elements)
      block.move(to: elements, of: tensor.sources, output: tensor.output, destination: memory)
      if let merger {
        try merger.merge(block)
        if block.nonFiniteOutputCount > 0 { try work.blame(block, in: &findings) }
      } else {
        let primary = tensor.method.primaryIngredient
        try block.copy(primary)
        if tensor.output.count > 1, try block.differs(from: primary) { findings.integersDiffer = true }
      }
      if memory == nil { try target.write(block.result, tensor.output, from: lower, checksum: &checksum) }
    }
    target.finish(piece, of: tensor.output, findings, checksum: checksum)
    surveys.merged(piece.tensor, elements: piece.elements.count)
    return work.finish(piece, findings)
  }

  /// The tensor's merger, after taking part in what must be known of the whole tensor first.
  private func merger(of index: Int, step: Int) throws -> any TensorMerger {
    let tensor = plan.tensors[index]
    return try surveys.merger(for: index) { merger, run, tally in
      readAhead?.reading(index, run)
      let survey = merger.survey ?? Survey()
      guard survey.sampling <= 1 else {
        for elements in Self.sample(of: run, one: survey.sampling) {
          block.move(to: elements, of: tensor.sources, output: tensor.output, destination: nil)
          try merger.gather(block, into: &tally)
        }
        return
      }
      for lower in stride(from: run.lowerBound, to: run.upperBound, by: step) {
        block.move(
          to: lower..<min(lower + step, run.upperBound), of: tensor.sources, output: tensor.output, destination: nil)
        try merger.gather(block, into: &tally)
      }
    }
  }

  /// Pieces of a run that hold one of so many of its elements: one piece in every stretch, at a place in it that is
  /// always the same but has nothing to do with the length of rows.
  private static func sample(of run: Range<Int>, one step: Int) -> [Range<Int>] {
    let piece = 256
    return stride(from: run.lowerBound, to: run.upperBound, by: piece * step).compactMap { start in
      // Fibonacci hashing of the stretch's number.
      let hash = UInt64(truncatingIfNeeded: start / (piece * step)) &* 0x9E37_79B9_7F4A_7C15
      let lower = start + Int(hash >> 40) % step * piece
      return lower < run.upperBound ? lower..<min(lower + piece, run.upperBound) : nil
    }
  }
}
