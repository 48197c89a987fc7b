"""The lab `cnn`: its net, and the parts of pictures that it shows."""

import numpy as np

from demos import cnn


def test_a_number_of_the_second_convolution_depends_on_its_patch_alone():
    rng = np.random.default_rng(0)
    net, x = cnn.make_net(0), rng.random((1, 1, 28, 28)).astype(np.float32)
    before = cnn.maps_of(net, x, 4)
    assert before.shape == (1, 32, 11, 11)
    patch = np.s_[0, 0, 2 * 3 : 2 * 3 + cnn.FIELD, 2 * 4 : 2 * 4 + cnn.FIELD]
    inside = x.copy()
    inside[patch] += 1
    outside = inside + 1
    outside[patch] = inside[patch]
    changed, same = cnn.maps_of(net, inside, 4), cnn.maps_of(net, outside, 4)
    np.testing.assert_array_equal(changed[0, :, 3, 4], same[0, :, 3, 4])
    assert (changed[0, :, 3, 4] != before[0, :, 3, 4]).any()


def test_the_strongest_patches_come_from_as_many_pictures():
    X = np.random.default_rng(0).random((20, 1, 28, 28)).astype(np.float32)
    patches = cnn.strongest_patches(cnn.make_net(0), X, 3, count=5)
    assert [patch.shape for patch in patches] == [(cnn.FIELD, cnn.FIELD)] * 5
