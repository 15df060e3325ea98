// What two models say about the same images. Same rules as CKernels.h, which includes this file.
#ifndef SOUP_CKOUTPUTS_H
#define SOUP_CKOUTPUTS_H

/// Rounds of logits up to whole vectors; what is beyond the classes has probability 0.
enum { CK_OUTPUT_LANES = 16 };

/// One row of `classes` finite logits: log-probabilities and probabilities, in double up to the last rounding. Lanes up to
/// `padded` get probability 0 and log-probability 0.
void ck_softmax_row(const float *logits, size_t classes, size_t padded, float *log_probabilities, float *probabilities);

/// Sums over images, in nats.
typedef struct {
  /// 0.5 * (KL(p||q) + KL(q||p)), Jensen-Shannon divergence, squared distance of logits.
  double kl, js, squares;
} ck_output_distance;

/// Adds `rows` images to `distance`: logits, log-probabilities and probabilities of two models, `padded` floats a row.
///
/// KL = sum of (p - q)(log p - log q) / 2. JS = sum of s h(t) / 4 with s = p + q, t = (p - q) / s and
/// h(t) = (1 + t) log(1 + t) + (1 - t) log(1 - t), by its series where t is small: digits stay where models agree.
void ck_add_output_distance(ck_level level, const float *logits_a, const float *log_a, const float *p_a,
                            const float *logits_b, const float *log_b, const float *p_b, size_t rows, size_t padded,
                            ck_output_distance *distance);

#endif
