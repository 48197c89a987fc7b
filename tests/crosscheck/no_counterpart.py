"""PyTorch's operators that have no counterpart here, and why: none is passed over silently."""


class NoCounterpartError(Exception):
    """An option of PyTorch's operator that this project does not have."""


# Names with a variant stand between commas: "norm, norm fro".
_BY_REASON = {
    "complex numbers": (
        "angle, cdouble, cfloat, chalf, complex, fft.fft, fft.fft2, fft.fftn, fft.fftshift, fft.hfft, fft.hfft2, "
        "fft.hfftn, fft.ifft, fft.ifft2, fft.ifftn, fft.ifftshift, fft.ihfft, fft.ihfft2, fft.ihfftn, fft.irfft, "
        "fft.irfft2, fft.irfftn, fft.rfft, fft.rfft2, fft.rfftn, imag, isreal, istft, linalg.eig, linalg.eigvals, "
        "nn.functional.silu complex, polar, stft, view_as_complex, view_as_real"
    ),
    "random numbers": (
        "bernoulli, cauchy, exponential, geometric, log_normal, multinomial, nn.functional.alpha_dropout, "
        "nn.functional.dropout2d, nn.functional.dropout3d, nn.functional.feature_alpha_dropout with_train, "
        "nn.functional.feature_alpha_dropout without_train, nn.functional.fractional_max_pool2d, "
        "nn.functional.fractional_max_pool3d, nn.functional.rrelu, normal, normal in_place, normal number_mean, "
        "pca_lowrank, rand_like, randint, randint_like, randn, randn_like, svd_lowrank, uniform"
    ),
    "in place": ("renorm, resize_, resize_as_, zero_"),
    "memory of arrays, which NumPy shares or copies by its own rules": (
        "as_strided, as_strided partial_views, as_strided_copy, as_strided_scatter, empty, empty_like, "
        "empty_permuted, empty_strided, new_empty, new_empty_strided"
    ),
    "makes plain arrays: NumPy does": (
        "arange, broadcast_shapes, combinations, eye, full, linalg.vander, linspace, linspace tensor_overload, "
        "logspace, logspace tensor_overload, new_full, new_ones, new_zeros, ones, scalar_tensor, "
        "signal.windows.bartlett, signal.windows.blackman, signal.windows.cosine, signal.windows.exponential, "
        "signal.windows.gaussian, signal.windows.general_cosine, signal.windows.general_hamming, "
        "signal.windows.hamming, signal.windows.hann, signal.windows.kaiser, signal.windows.nuttall, "
        "tril_indices, triu_indices, unravel_index, zeros"
    ),
    "of integers or sets, refused for Tensors: NumPy has it for arrays": (
        "__rand__, __ror__, __rxor__, bincount, bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or, "
        "bitwise_right_shift, bitwise_xor, bucketize, frexp, gcd, hash_tensor, heaviside, histc, histogram, "
        "histogramdd, isin, isneginf, isposinf, lcm, mode, nonzero_static, unique, unique_consecutive"
    ),
    "sparse arrays": ("sparse.mm reduce, sparse.sampled_addmm, to_sparse"),
    "a type that NumPy does not have": ("bfloat16"),
    "inner to PyTorch": (
        "_batch_norm_with_update, _chunk_cat, _native_batch_norm_legit, _segment_reduce lengths, _segment_reduce "
        "offsets, _softmax_backward_data, _unsafe_masked_index, _unsafe_masked_index_put_accumulate, "
        "_upsample_bilinear2d_aa, bmm triton_optimized, jiterator_2inputs_2outputs, "
        "jiterator_4inputs_with_extra_args, jiterator_binary, jiterator_binary_return_by_ref, jiterator_unary, "
        "max_pool2d_with_indices_backward, native_dropout_backward, nn.functional.batch_norm without_cudnn, "
        "sum_to_size, torch._scaled_mm, torch._scaled_mm_v2, torch.ops.aten._efficient_attention_forward, "
        "torch.ops.aten._flash_attention_forward, torch.ops.aten._safe_softmax.default"
    ),
    "layouts other than PyTorch's: `nn.MultiheadAttention` is compared in tests/nn": (
        "nn.functional.multi_head_attention_forward"
    ),
    "a function for the distance: the loss takes a norm": ("nn.functional.triplet_margin_with_distance_loss"),
    "negative padding is an index": ("nn.functional.pad replicate_negative"),
    "no function of this kind: arrays": (
        "block_diag, copysign, cummax, cummin, cumulative_trapezoid, diag_embed, index_reduce amax, index_reduce "
        "amin, index_reduce mean, index_reduce prod, logcumsumexp, nanmedian, nanquantile, nextafter, "
        "scatter_reduce amax, scatter_reduce amin, scatter_reduce mean, scatter_reduce prod, xlogy"
    ),
    "no function of this kind: matrices": (
        "geqrf, linalg.cond, linalg.householder_product, linalg.ldl_factor, linalg.ldl_factor_ex, "
        "linalg.ldl_solve, linalg.lstsq, linalg.lstsq grad_oriented, linalg.lu, linalg.lu_factor, "
        "linalg.lu_factor_ex, linalg.lu_solve, linalg.matrix_rank, linalg.matrix_rank hermitian, "
        "linalg.tensorinv, linalg.tensorsolve, lu, lu_solve, lu_unpack, matrix_exp, ormqr"
    ),
    "no function of this kind: special functions": (
        "digamma, erfinv, i0, igamma, igammac, lgamma, mvlgamma mvlgamma_p_1, mvlgamma mvlgamma_p_3, mvlgamma "
        "mvlgamma_p_5, polygamma polygamma_n_0, polygamma polygamma_n_1, polygamma polygamma_n_2, polygamma "
        "polygamma_n_3, polygamma polygamma_n_4, special.airy_ai, special.bessel_j0, special.bessel_j1, "
        "special.bessel_y0, special.bessel_y1, special.chebyshev_polynomial_t, special.chebyshev_polynomial_u, "
        "special.chebyshev_polynomial_v, special.chebyshev_polynomial_w, special.entr, special.erfcx, "
        "special.hermite_polynomial_h, special.hermite_polynomial_he, special.i0e, special.i1, special.i1e, "
        "special.laguerre_polynomial_l, special.legendre_polynomial_p, special.log_ndtr, "
        "special.modified_bessel_i0, special.modified_bessel_i1, special.modified_bessel_k0, "
        "special.modified_bessel_k1, special.ndtri, special.polygamma special_polygamma_n_0, "
        "special.scaled_modified_bessel_k0, special.scaled_modified_bessel_k1, "
        "special.shifted_chebyshev_polynomial_t, special.shifted_chebyshev_polynomial_u, "
        "special.shifted_chebyshev_polynomial_v, special.shifted_chebyshev_polynomial_w, "
        "special.spherical_bessel_j0, special.xlog1py, special.zeta"
    ),
    "no function of this kind: layers and losses": (
        "grid_sampler_2d, grid_sampler_3d, nn.functional.adaptive_avg_pool1d, nn.functional.adaptive_avg_pool3d, "
        "nn.functional.adaptive_max_pool1d, nn.functional.adaptive_max_pool2d, nn.functional.adaptive_max_pool3d, "
        "nn.functional.avg_pool3d, nn.functional.channel_shuffle, nn.functional.conv3d, "
        "nn.functional.conv_transpose1d, nn.functional.conv_transpose3d, nn.functional.ctc_loss, "
        "nn.functional.embedding_bag, nn.functional.grid_sample, nn.functional.hardshrink, "
        "nn.functional.hardsigmoid, nn.functional.hardswish, nn.functional.hinge_embedding_loss, "
        "nn.functional.interpolate area, nn.functional.interpolate bicubic, nn.functional.interpolate bilinear, "
        "nn.functional.interpolate linear, nn.functional.interpolate nearest, nn.functional.interpolate "
        "nearest-exact, nn.functional.interpolate trilinear, nn.functional.linear_cross_entropy, "
        "nn.functional.linear_cross_entropy chunked, nn.functional.linear_cross_entropy chunked_none, "
        "nn.functional.local_response_norm, nn.functional.margin_ranking_loss, nn.functional.max_pool3d, "
        "nn.functional.max_unpool1d, nn.functional.max_unpool1d grad, nn.functional.max_unpool2d, "
        "nn.functional.max_unpool2d grad, nn.functional.max_unpool3d, nn.functional.max_unpool3d grad, "
        "nn.functional.multi_margin_loss, nn.functional.multilabel_margin_loss, "
        "nn.functional.multilabel_soft_margin_loss, nn.functional.pixel_shuffle, nn.functional.pixel_unshuffle, "
        "nn.functional.poisson_nll_loss, nn.functional.soft_margin_loss, nn.functional.softshrink, "
        "nn.functional.unfold, nn.functional.upsample_bilinear, nn.functional.upsample_nearest"
    ),
    "masks as arguments: np.where says it": (
        "masked.amax, masked.amin, masked.argmax, masked.argmin, masked.cumprod, masked.cumsum, "
        "masked.log_softmax, masked.logaddexp, masked.logsumexp, masked.mean, masked.median, masked.norm, "
        "masked.normalize, masked.prod, masked.softmax, masked.softmin, masked.std, masked.sum, masked.var"
    ),
}
WITHOUT = {name: reason for reason, names in _BY_REASON.items() for name in names.split(", ")}
