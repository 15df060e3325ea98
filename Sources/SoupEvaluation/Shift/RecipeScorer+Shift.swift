import SoupAnalysis
import SoupData
import SoupMixing
import SoupModels
import SoupTensors
import SoupTorch

/// Members of an ensemble, by their positions among the models, and how they are asked together.
public struct EnsembleMembers: Sendable, Hashable {
  public var members: [Int]
  public var method: Ensemble.Method

  public init(_ members: [Int], by method: Ensemble.Method = .logits) {
    self.members = members
    self.method = method
  }
}

/// What a pass over shifted images may take.
public struct ShiftPass: Sendable, Hashable {
  public var batchSize: Int
  /// Threads that corrupt images. The result does not depend on them.
  public var threads: Int
  /// Bytes of clean images, and of prepared batches, and of models that lie in memory at once.
  public var imageMemory: Int
  public var batchMemory: Int
  public var modelMemory: Int

  public init(
    batchSize: Int = 128, threads: Int = 2, imageMemory: Int = 2 << 30, batchMemory: Int = 1 << 30,
    modelMemory: Int = 8 << 30
  ) {
    self.batchSize = batchSize
    self.threads = threads
    self.imageMemory = imageMemory
    self.batchMemory = batchMemory
    self.modelMemory = modelMemory
  }
}

extension RecipeScorer {
  /// How several recipes, and ensembles of them, do on every version of the images, in one pass: each corrupted image is made
  /// once, in the background, and shown to every model.
  ///
  /// Results are those of evaluating each model on each version by itself. Nothing is remembered. The scorer's own images take no
  /// part: only its model, its precision and its batch-norm statistics do.
  /// - Parameter progress: called with how many images went through how many models, of
  ///   `recipes.count · images.versions.count · images.count` in all.
  /// - Returns: one for each recipe, then one for each ensemble.
  /// - Throws: `EvaluationError` where images and models do not fit; what reading and corrupting images throws.
  public func outcomes(
    of recipes: [Recipe], ensembles: [EnsembleMembers] = [], under images: ShiftedImages, pass: ShiftPass = ShiftPass(),
    progress: (Int) throws -> Void = { _ in }
  ) throws -> [ShiftOutcomes] {
    try Evaluator.refuseMismatch(model, images.base)
    let classes = images.base.classCount
    let batchBytes = pass.batchSize * images.base.pixelCount * DType.float32.size
    let shelf = ModelShelf(recipes, self, batchSize: pass.batchSize, memory: pass.modelMemory)
    // Loading a model again must cost little beside what it is loaded for.
    let groupSize = shelf.isWhole ? 1 : min(max(pass.batchMemory / 4 / batchBytes, 1), 256)
    let waiting = max(2, min(2 * pass.threads, pass.batchMemory / batchBytes))
    let blockSize = max(1, min(images.count, pass.imageMemory / images.base.pixelCount))

    var sums = (0..<recipes.count + ensembles.count).map { _ in
      images.versions.map { _ in ScoreSum(classes: images.classNames.count, images: images.count) }
    }
    var done = 0
    for start in stride(from: 0, to: images.count, by: blockSize) {
      let block = try ShiftBlock(images, start..<min(start + blockSize, images.count), threads: pass.threads)
      func record(_ row: Int, _ logits: [Float], _ indices: [Int]) {
        for (position, index) in indices.enumerated() {
          let values = logits[position * classes..<(position + 1) * classes]
          let version = block.place(of: index).version
          let label = block.label(at: index)
          if let groups = images.groups {
            sums[row][version].add(groups.logits(of: values)[...], label: label)
          } else {
            sums[row][version].add(
              values, label: label, targets: images.targets == nil ? nil : block.targets(at: index))
          }
        }
      }
      let loader = try DataLoader(block, batchSize: pass.batchSize, threads: pass.threads, prefetch: min(waiting, 4096))
      let batches = loader.batches(epoch: 0)
      while let group = try batches.next(upTo: groupSize) {
        let inputs = try group.map { try Tensor($0.images, device: evaluator.device) }
        var together = ensembles.map { ensemble in
          group.map { EnsembleSum(ensemble.method, shape: [$0.count, classes]) }
        }
        for recipe in recipes.indices {
          let predict = try shelf[recipe]
          for (position, batch) in group.enumerated() {
            var logits = try withoutGradients { try predict(inputs[position]).to(.float32).host() }
            guard logits.shape == [batch.count, classes] else {
              throw EvaluationError(
                .shape, "the model gave logits of shape \(logits.shape) for \(batch.count) images of \(classes) classes"
              )
            }
            logits = try Evaluator.masked(logits, images.base.classSubset)
            record(recipe, logits.floats(), batch.indices)
            for (ensemble, request) in ensembles.enumerated() where request.members.contains(recipe) {
              together[ensemble][position].add(EnsembleSum.terms(of: logits, request.method))
            }
            done += batch.count
            try progress(done)
          }
        }
        for (ensemble, batchSums) in together.enumerated() {
          for (batch, sum) in zip(group, batchSums) {
            try record(recipes.count + ensemble, sum.mean().floats(), batch.indices)
          }
        }
      }
    }
    return sums.map { ShiftOutcomes(versions: $0.map(\.outcomes)) }
  }
}

extension BatchSequence {
  /// The next few batches; nil after the last.
  fileprivate func next(upTo limit: Int) throws -> [Batch]? {
    var group: [Batch] = []
    while group.count < limit, let batch = try next() { group.append(batch) }
    return group.isEmpty ? nil : group
  }
}
