/// Convolutional networks for prediction on the CPU that take a few images through all layers before the next few, so that what one
/// layer hands to the next never leaves the processor's cache. Part of CTorch.h.
#ifndef SOUP_CTORCH_NETWORKS_H
#define SOUP_CTORCH_NETWORKS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_network_s *ct_network;

/// Whether this processor can run such networks. `rounds`: with products of values rounded to bfloat16, summed in float32.
bool ct_network_available(bool rounds);
/// Whether a convolution with `kernel / 2` pixels of padding can be a layer.
bool ct_network_serves(ptrdiff_t kernel, ptrdiff_t stride, ptrdiff_t inputs, ptrdiff_t outputs);
/// A network whose layers read and write `slots` places; the images arrive in place 0.
ct_status ct_network_new(ptrdiff_t slots, bool rounds, ct_network *out, ct_error *error);
void ct_network_free(ct_network network);
/// Appends place `to` = relu?(convolution of place `from` + bias + place `residual`). `residual` may be `to`, or -1 for none.
/// `weight` [outputs, inputs, kernel, kernel] and `bias` [outputs] in float32 are copied.
ct_status ct_network_convolution(ct_network network, ptrdiff_t from, ptrdiff_t to, ptrdiff_t residual, ct_tensor weight, ct_tensor bias, ptrdiff_t stride, bool relu, ct_error *error);
/// Appends place `to` = every `stride`-th pixel of `from` with `extra` channels of zeros before and after its own.
ct_status ct_network_shortcut(ct_network network, ptrdiff_t from, ptrdiff_t to, ptrdiff_t stride, ptrdiff_t extra, ct_error *error);
/// Images [N, C, H, W] in float32 → means over the pixels of the last layer's place, [N, channels].
ct_status ct_network_features(ct_network network, ct_tensor images, ct_tensor *out, ct_error *error);

#ifdef __cplusplus
}
#endif

#endif
