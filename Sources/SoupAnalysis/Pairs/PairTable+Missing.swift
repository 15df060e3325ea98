extension PairTable {
  /// Pairs of models that have no soup, as "a and b", in the order of the models.
  public var missingPairs: [String] {
    let known = Set(pairs.map { min($0.a, $0.b) * models.count + max($0.a, $0.b) })
    return models.indices.flatMap { a in
      (a + 1..<max(a + 1, models.count)).filter { !known.contains(a * models.count + $0) }.map {
        "\(models[a].name) and \(models[$0].name)"
      }
    }
  }

  /// Soups whose models have no value of some measure of similarity, as "a and b".
  public var pairsWithoutSimilarity: [String] {
    pairs.filter { pair in measures.contains { pair.similarities[$0] == nil } }.map {
      "\(models[$0.a].name) and \(models[$0.b].name)"
    }
  }
}
