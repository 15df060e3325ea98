import SoupData
import SoupTorch

/// Gradient descent on mixing coefficients, batch by batch: saved now and then, and continued as if it had never stopped.
struct CoefficientDescent {
  let loader: DataLoader
  /// Steps in all; the last pass over the images may be cut short by them.
  let totalSteps: Int
  let saving: LearnedSoup.Saving?

  /// What a batch gave.
  struct Outcome {
    /// Mean over the batch, before the step.
    var loss: Double
    /// Images classified rightly, where there are labels.
    var right = 0
  }

  /// - Parameters:
  ///   - step: moves the coefficients by one batch; gets the pass, from 0.
  ///   - progress: called after every step.
  /// - Returns: whether it came to its end; otherwise the state is saved.
  func run(
    _ state: inout LearnedState, shouldStop: () -> Bool,
    step: (Batch, Int, inout MixtureCoefficients) throws -> Outcome,
    progress: (LearnedState, Batch, Outcome) throws -> Void
  ) throws -> Bool {
    var lastSave = ContinuousClock.now
    while state.step < totalSteps {
      let epoch = state.step / loader.batchCount
      let batches = loader.batches(epoch: epoch, startingAt: state.step % loader.batchCount)
      while state.step < totalSteps, let batch = try batches.next() {
        let outcome = try step(batch, epoch, &state.coefficients)
        guard outcome.loss.isFinite, state.coefficients.isFinite else {
          throw SeasoningError(
            .diverged,
            "the loss is \(outcome.loss) at step \(state.step + 1): an ingredient is not finite, or the learning rate is too "
              + "high")
        }
        let isLast = (state.step + 1) % loader.batchCount == 0 || state.step + 1 == totalSteps
        state.add(loss: outcome.loss, right: outcome.right, images: batch.count, endsEpoch: isLast)
        try progress(state, batch, outcome)
        guard let saving, state.step < totalSteps else { continue }
        let isStopping = shouldStop()
        if isStopping || ContinuousClock.now - lastSave >= saving.interval {
          try state.write(to: saving.path)
          lastSave = .now
        }
        if isStopping { return false }
      }
    }
    return true
  }
}
