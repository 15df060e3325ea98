#include <math.h>
#include <string.h>

#define CK_LOOPS "outputs_loops.h"
#include "instances.h"

void ck_softmax_row(const float *logits, size_t classes, size_t padded, float *log_probabilities,
                    float *probabilities) {
  float most = -INFINITY;
  for (size_t i = 0; i < classes; i++) most = logits[i] > most ? logits[i] : most;
  double sum = 0;
  for (size_t i = 0; i < classes; i++) sum += exp((double)logits[i] - (double)most);
  double shift = (double)most + log(sum);
  for (size_t i = 0; i < classes; i++) {
    double value = (double)logits[i] - shift;
    log_probabilities[i] = (float)value;
    probabilities[i] = (float)exp(value);
  }
  for (size_t i = classes; i < padded; i++) log_probabilities[i] = probabilities[i] = 0;
}

void ck_add_output_distance(ck_level level, const float *logits_a, const float *log_a, const float *p_a,
                            const float *logits_b, const float *log_b, const float *p_b, size_t rows, size_t padded,
                            ck_output_distance *distance) {
  CK_PICK(level, output_distance)(logits_a, log_a, p_a, logits_b, log_b, p_b, rows, padded, distance);
}
