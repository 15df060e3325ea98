// The Swift side of Benchmarks/pipeline.sh.
//
//   soup-pipeline DATA THREADS BATCH SECONDS     images per second of a training pipeline, as one line of JSON
import Foundation
import SoupData

let words = CommandLine.arguments
guard words.count == 5, let threads = Int(words[2]), let batchSize = Int(words[3]), let seconds = Double(words[4])
else {
  FileHandle.standardError.write(Data("usage: soup-pipeline DATA THREADS BATCH SECONDS\n".utf8))
  exit(2)
}
let images = try DatasetSpecification(parsing: words[1]).open(.train)
let loader = try DataLoader(
  images, batchSize: batchSize, shuffleSeed: 1, dropLast: true, threads: threads, prefetch: threads + 1)
// One epoch to warm up: file cache, memory.
var warm = loader.batches(epoch: 0)
while try warm.next() != nil {}
var count = 0
var statistics = PipelineStatistics()
let start = DispatchTime.now().uptimeNanoseconds
var elapsed = 0.0
var epoch = 1
while elapsed < seconds {
  let batches = loader.batches(epoch: epoch)
  while let batch = try batches.next() { count += batch.count }
  let one = batches.statistics
  statistics.waiting += one.waiting
  statistics.preparing += one.preparing
  statistics.heldBack += one.heldBack
  statistics.mostReady = max(statistics.mostReady, one.mostReady)
  epoch += 1
  elapsed = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
}
print(
  """
  {"images_per_second": \(Double(count) / elapsed), "thread_ms_per_image": \(statistics.preparing / Double(count) * 1000), \
  "held_back_s": \(statistics.heldBack), "most_ready": \(statistics.mostReady), "seconds": \(elapsed)}
  """)
