/// How a measure is shown: fractions in percent, losses as they are.
struct Metric {
  /// `top1`, `loss`, …
  let name: String

  init(_ name: String) { self.name = name }

  var isLoss: Bool { name.contains("loss") }
  /// Fractions by their names; everything else is shown as it is.
  var isFraction: Bool { ["top1", "top5", "accuracy", "error", "ece", "ece_equal_width"].contains(name) }

  var noun: String {
    switch name {
    case "top1", "accuracy": "accuracy"
    case "top5": "top-5 accuracy"
    case "ece": "calibration error"
    default: name.replacing("_", with: " ")
    }
  }

  /// With the unit, for axes.
  var title: String { noun + (isFraction ? " (%)" : isLoss ? " (nats)" : "") }
  var format: String { isFraction ? ".2f" : ".4f" }

  func value(_ value: Double) -> JSON { .number(isFraction ? value * 100 : value) }
  func text(_ value: Double) -> String { isFraction ? Text.percent(value) + " %" : Text.fixed(value, 4) }
}
