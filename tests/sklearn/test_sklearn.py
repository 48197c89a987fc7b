"""Nets as scikit-learn estimators: scikit-learn's own checks, and what its users do with an estimator."""

import pickle
import subprocess
import sys
import warnings
from functools import partial

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, make_blobs, make_moons
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits

from tinygrad_edu import nn, optim
from tinygrad_edu.errors import ArgumentError
from tinygrad_edu.sklearn import NetClassifier, NetRegressor


@pytest.fixture(scope="module")
def moons():
    return make_moons(200, noise=0.1, random_state=0)


def small(**options):
    return NetClassifier(**({"net": (16,), "lr": 0.02, "batch_size": 50, "epochs": 60, "random_state": 0} | options))


@pytest.mark.parametrize("estimator", [NetClassifier(), NetRegressor()], ids=lambda estimator: type(estimator).__name__)
def test_every_check_of_scikit_learn_passes(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of scikit-learn about itself
        results = check_estimator(estimator, on_skip=None)
    states = {result["check_name"]: result["status"] for result in results}
    assert len(states) > 40
    # scikit-learn itself leaves out the one about arrays of other libraries, which no tag of ours claims to take.
    assert {name for name, status in states.items() if status != "passed"} <= {"check_array_api_input"}


def test_a_pipeline_is_searched_over_sizes_and_optimizers(moons):
    X, y = moons
    model = make_pipeline(StandardScaler(), small())
    grid = {
        "netclassifier__net": [(4,), (16, 16)],
        "netclassifier__optimizer": ["Adam", partial(optim.SGD, momentum=0.9)],
    }
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.95
    assert len(search.cv_results_["params"]) == 4


def test_cross_validation_in_processes_gives_what_it_gives_in_one(moons):
    X, y = moons
    one, two = (cross_val_score(small(), X, y, cv=3, n_jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(one, two)
    assert one.mean() > 0.9


def test_calibration_brings_no_worse_probabilities(moons):
    X, y = moons
    model = CalibratedClassifierCV(small(), cv=3).fit(X, y)
    assert model.score(X, y) > 0.95
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("keep", ["pickle", "joblib"])
def test_a_fitted_estimator_survives_a_file_and_trains_on(keep, moons, tmp_path):
    X, y = moons
    model = small(warm_start=True).fit(X, y)
    if keep == "pickle":
        again = pickle.loads(pickle.dumps(model))
    else:
        joblib.dump(model, tmp_path / "model")
        again = joblib.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.fit(X, y).predict_proba(X), model.fit(X, y).predict_proba(X))
    assert len(pickle.dumps(small(epochs=1).fit(np.tile(X, (100, 1)), np.tile(y, 100)))) < X.nbytes * 10  # not the data


def test_pandas_and_polars_tables_give_feature_names(moons):
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    X, y = moons
    expected = small().fit(X, y).predict(X)
    for table in (pandas.DataFrame, polars.DataFrame):
        frame = table({"height": X[:, 0], "width": X[:, 1]})
        model = small().fit(frame, y)
        assert model.feature_names_in_.tolist() == ["height", "width"]
        np.testing.assert_array_equal(model.predict(frame), expected)
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(table({"width": X[:, 0], "height": X[:, 1]}))
    series = pandas.Series(np.array(["no", "yes"])[y])
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    assert {*small().fit(frame, series).predict(frame)} == {"no", "yes"}


def test_sparse_input_is_refused_with_what_to_do(moons):
    from scipy.sparse import csr_matrix

    X, y = moons
    with pytest.raises(TypeError, match=r"[Ss]parse.*dense data is required.*toarray"):
        small().fit(csr_matrix(X), y)
    with pytest.raises(TypeError, match="dense data is required"):
        small(epochs=1).fit(X, y).predict(csr_matrix(X))


def test_a_builder_may_build_any_net(moons):
    X, y = moons

    def build(n_in, n_out, rng):
        return nn.Sequential(nn.Linear(n_in, 16, rng=rng), nn.Tanh(), nn.LayerNorm(16), nn.Linear(16, n_out, rng=rng))

    model = small(net=build).fit(X, y)
    assert isinstance(model.net_, nn.Sequential)
    assert model.score(X, y) > 0.95
    with pytest.raises(ArgumentError, match="must build a Module, but gave 3"):
        small(net=lambda n_in, n_out, rng: 3).fit(X, y)


def test_names_that_there_are_not_are_refused_with_those_there_are(moons):
    with pytest.raises(ArgumentError, match=r"no optimizer 'adamm': take one of .*\bAdam\b"):
        small(optimizer="adamm").fit(*moons)
    with pytest.raises(ArgumentError, match=r"no loss 'crossentropy': take a function, or one of .*cross_entropy"):
        small(loss="crossentropy").fit(*moons)
    with pytest.raises(ArgumentError, match="no optimizer 'BacktrackingLineSearch'"):
        small(optimizer="BacktrackingLineSearch").fit(*moons)
    net = nn.Linear(2, 2)
    with pytest.raises(ArgumentError, match="makes the optimizer itself, but was given one"):
        small(optimizer=optim.SGD(net.parameters(), lr=0.1)).fit(*moons)


def test_class_weights_are_pytorchs(moons, torch):
    X, y = moons
    weights = {0: 1.0, 1: 7.0}
    model = small(class_weight=weights, optimizer="SGD", lr=0.5, batch_size=None, epochs=1).fit(X, y)
    start = small(class_weight=weights, optimizer="SGD", lr=0.0, batch_size=None, epochs=1).fit(X, y)
    layers = [
        [torch.tensor(a, requires_grad=True) for a in (f.weight.numpy(), f.bias.numpy())] for f in start.net_.layers
    ]
    h = torch.tensor(X)
    h = torch.relu(h @ layers[0][0] + layers[0][1]) @ layers[1][0] + layers[1][1]
    loss = torch.nn.functional.cross_entropy(h, torch.tensor(y), weight=torch.tensor([1.0, 7.0], dtype=torch.float64))
    loss.backward()
    assert model.history_["loss"][0] == pytest.approx(loss.item(), rel=1e-12)
    for layer, (W, b) in zip(model.net_.layers, layers, strict=True):
        np.testing.assert_allclose(layer.weight.numpy(), (W - 0.5 * W.grad).detach().numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(layer.bias.numpy(), (b - 0.5 * b.grad).detach().numpy(), rtol=1e-10, atol=1e-12)


def test_balanced_class_weights_find_the_rare_class():
    X, y = make_blobs([300, 15], centers=[[0, 0], [1.5, 1.5]], random_state=0)
    plain, balanced = (small(class_weight=weights).fit(X, y) for weights in (None, "balanced"))
    assert (balanced.predict(X[y == 1]) == 1).mean() > (plain.predict(X[y == 1]) == 1).mean()


def test_early_stopping_goes_back_to_the_best_epoch(moons):
    X, y = moons
    model = small(early_stopping=True, patience=5, epochs=500).fit(X, y)
    assert model.n_iter_ < 500
    assert len(model.history_["val_accuracy"]) == model.n_iter_
    assert model.history_.stopped.startswith("stopped early")
    regressor = NetRegressor((8,), lr=0.01, early_stopping=True, patience=3, epochs=300, random_state=0).fit(X, X[:, 0])
    assert "val_loss" in regressor.history_


def test_partial_fit_and_warm_start_go_on(moons):
    X, y = moons
    model = small()
    for _ in range(60):
        model.partial_fit(X, y, classes=[0, 1])
    assert model.n_iter_ == 60
    assert model.score(X, y) > 0.95
    with pytest.raises(ArgumentError, match="needs classes"):
        small().partial_fit(X, y)
    with pytest.raises(ArgumentError, match="made for the classes"):
        model.partial_fit(X, y + 1)
    warm = small(warm_start=True, epochs=5, patience=None).fit(X, y).fit(X, y)
    assert warm.n_iter_ == 10
    assert small(epochs=5, patience=None).fit(X, y).fit(X, y).n_iter_ == 5


def test_the_same_seed_is_the_same_net_and_eager_is_compiled(moons):
    X, y = moons
    first, second, eager = (small(compiled=compiled, epochs=10).fit(X, y) for compiled in (True, True, False))
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    np.testing.assert_allclose(first.predict_proba(X), eager.predict_proba(X), rtol=1e-9)
    assert not np.array_equal(first.predict_proba(X), small(random_state=1, epochs=10).fit(X, y).predict_proba(X))


def test_float32_data_makes_a_float32_net(moons):
    X, y = moons
    model = small(epochs=5).fit(X.astype(np.float32), y)
    assert {p.dtype for p in model.net_.parameters()} == {np.dtype(np.float32)}
    assert model.predict_proba(X.astype(np.float32)).dtype == np.float32


def test_several_outputs_come_back_as_rows(moons):
    X, _ = moons
    Y = np.stack([X[:, 0] + X[:, 1], X[:, 0] * 2, -X[:, 1]], axis=1)
    model = NetRegressor((32,), lr=0.02, batch_size=50, epochs=100, random_state=0).fit(X, Y)
    assert model.predict(X).shape == Y.shape
    assert model.score(X, Y) > 0.98


def test_a_training_that_diverges_warns(moons):
    X, y = moons
    with np.errstate(all="ignore"), pytest.warns(ConvergenceWarning, match="the loss became"):
        NetRegressor((8,), optimizer="SGD", lr=1e9, random_state=0).fit(X, y.astype(float))


def test_an_estimator_that_is_not_fitted_says_so(moons):
    for call in (small().predict, small().predict_proba, NetRegressor().predict):
        with pytest.raises(NotFittedError):
            call(moons[0])
    assert clone(small()).get_params() == small().get_params()


def test_digits_are_read_as_well_as_by_mlpclassifier():
    with threadpool_limits(1):  # small matrices: threads would only wait for each other
        theirs, ours = digits_scores()
    assert ours.mean() >= theirs.mean() - max(theirs.std(), ours.std())


def digits_scores():
    X, y = load_digits(return_X_y=True)
    scores = {"scikit-learn": [], "tinygrad_edu": []}
    for seed in range(5):
        X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=seed, stratify=y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mlp = MLPClassifier((100,), alpha=0, max_iter=30, n_iter_no_change=30, random_state=seed).fit(
                X_train, y_train
            )
        net = NetClassifier((100,), epochs=30, patience=None, random_state=seed).fit(X_train, y_train)
        scores["scikit-learn"].append(mlp.score(X_test, y_test))
        scores["tinygrad_edu"].append(net.score(X_test, y_test))
    return np.array(scores["scikit-learn"]), np.array(scores["tinygrad_edu"])


def test_without_scikit_learn_the_import_says_what_to_install():
    program = "import sys; sys.modules['sklearn'] = None; import tinygrad_edu.sklearn"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert 'needs scikit-learn: pip install "tinygrad_edu[sklearn]"' in done.stderr
