"""Nets as scikit-learn estimators: for pipelines, cross-validation, grid searches, calibration. Extra ``sklearn``.

>>> from sklearn.datasets import load_iris
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> from tinygrad_edu.sklearn import NetClassifier
>>> X, y = load_iris(return_X_y=True)
>>> model = make_pipeline(StandardScaler(), NetClassifier(net=(16,), lr=0.02, random_state=0))
>>> bool(model.fit(X, y).score(X, y) > 0.95)
True
"""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError('tinygrad_edu.sklearn needs scikit-learn: pip install "tinygrad_edu[sklearn]"') from error

from tinygrad_edu.sklearn.classifier import NetClassifier
from tinygrad_edu.sklearn.regressor import NetRegressor

__all__ = ["NetClassifier", "NetRegressor"]
