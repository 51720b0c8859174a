"""The types that a model may hold and be loaded without the caller's trust: reviewed, by name, with the
reason.

Every name was held against three questions, because a crafted file may use it in any place where skops
builds an object: is it harmless when *called with arguments of the file's choosing*; when made without its
`__init__` and given any attributes; and when the model is then used? Harmless means: runs no code but its
own, opens no file, no socket, imports nothing. Functions are trusted to be *named* by a model (as its
scorer, say), never to be called by the loading itself: `flavor` sees to that. skops itself vouches for
scikit-learn's public estimators and NumPy's and SciPy's ufuncs, dtypes, arrays and bit generators; this
list adds what fitted estimators hold besides.

Types whose *content* could crash the process (indices that C code follows unchecked) are listed as well,
and `audit` checks that content after loading and before the model is handed out.

Not here, on purpose: anything that reads or writes files (`sklearn.datasets`, `joblib.Memory`), that calls
what it is given (`functools.partial`, `operator.methodcaller`), and all that is not scikit-learn's,
NumPy's or SciPy's.
"""

from __future__ import annotations

from typing import NamedTuple


class Family(NamedTuple):
    """Types that are trusted for one reason."""

    reason: str
    names: frozenset[str]


def _family(reason: str, modules: dict[str, str]) -> Family:
    """Build a family from names, separated by blanks, of modules."""
    return Family(
        reason, frozenset(f"{module}.{name}" for module, names in modules.items() for name in names.split())
    )


FAMILIES: dict[str, Family] = {
    "trees": _family(
        "Arrays of nodes. Children and features are indices that C code follows: checked by `audit`.",
        {
            "sklearn.ensemble._gb": "DummyClassifier DummyRegressor",
            "sklearn.ensemble._hist_gradient_boosting.binning": "_BinMapper",
            "sklearn.ensemble._hist_gradient_boosting.predictor": "TreePredictor",
            "sklearn.tree._tree": "Tree",
        },
    ),
    "neighbours": _family(
        "Search trees over points: arrays and a metric. Their indices are checked by `audit`.",
        {
            "sklearn.metrics._dist_metrics": """
                BrayCurtisDistance BrayCurtisDistance32 BrayCurtisDistance64 CanberraDistance
                CanberraDistance32 CanberraDistance64 ChebyshevDistance ChebyshevDistance32
                ChebyshevDistance64 DiceDistance DiceDistance32 DiceDistance64 EuclideanDistance
                EuclideanDistance32 EuclideanDistance64 HammingDistance HammingDistance32
                HammingDistance64 HaversineDistance HaversineDistance32 HaversineDistance64
                JaccardDistance JaccardDistance32 JaccardDistance64 KulsinskiDistance KulsinskiDistance32
                KulsinskiDistance64 MahalanobisDistance MahalanobisDistance32 MahalanobisDistance64
                ManhattanDistance ManhattanDistance32 ManhattanDistance64 MatchingDistance
                MatchingDistance32 MatchingDistance64 MinkowskiDistance MinkowskiDistance32
                MinkowskiDistance64 RogersTanimotoDistance RogersTanimotoDistance32
                RogersTanimotoDistance64 RussellRaoDistance RussellRaoDistance32 RussellRaoDistance64
                SEuclideanDistance SEuclideanDistance32 SEuclideanDistance64 SokalMichenerDistance
                SokalMichenerDistance32 SokalMichenerDistance64 SokalSneathDistance SokalSneathDistance32
                SokalSneathDistance64
            """,
            "sklearn.neighbors._ball_tree": "BallTree BallTree32 BallTree64",
            "sklearn.neighbors._kd_tree": "KDTree KDTree32 KDTree64",
        },
    ),
    "parts of estimators": _family(
        "Plain holders of fitted arrays and estimators that public estimators keep inside.",
        {
            "sklearn.calibration": "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
            "sklearn.cluster._birch": "_CFNode _CFSubcluster",
            "sklearn.cluster._bisect_k_means": "_BisectingTree",
            "sklearn.cluster._hdbscan._tree": "CondensedTree",
            "sklearn.gaussian_process._gpc": "_BinaryGaussianProcessClassifierLaplace",
            "sklearn.multiclass": "_ConstantPredictor",
            "sklearn.neural_network._stochastic_optimizers": "AdamOptimizer BaseOptimizer SGDOptimizer",
            "sklearn.preprocessing._label": "LabelBinarizer LabelEncoder",
            "sklearn.utils": "Bunch",
            "sklearn.utils._bunch": "Bunch",
        },
    ),
    "losses and links": _family(
        "Formulas with a few numbers as parameters; methods compute on arrays.",
        {
            "sklearn._loss._loss": """
                CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss
                CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity
                CyHuberLoss CyPinballLoss
            """,
            "sklearn._loss.link": """
                HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit
            """,
            "sklearn._loss.loss": """
                AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss
                HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss
                PinballLoss
            """,
            "sklearn.ensemble._gb_losses": """
                BinomialDeviance ExponentialLoss HuberLossFunction LeastAbsoluteError LeastSquaresError
                MultinomialDeviance QuantileLossFunction
            """,
            "sklearn.linear_model._sgd_fast": """
                EpsilonInsensitive Hinge Huber Log ModifiedHuber SquaredEpsilonInsensitive SquaredHinge
                SquaredLoss
            """,
        },
    ),
    "kernels": _family(
        "Gaussian process kernels: numbers and other kernels; they compute on arrays.",
        {
            "sklearn.gaussian_process.kernels": """
                CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter
                Matern PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel
            """,
        },
    ),
    "splitters": _family(
        "Cross-validation schemes: numbers and a random state; they yield indices. (Those made of a "
        "user's iterable hold plain lists.)",
        {
            "sklearn.model_selection._search_successive_halving": "_SubsampleMetaSplitter",
            "sklearn.model_selection._split": """
                GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut
                PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold
                StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit _CVIterableWrapper
                _YieldsOnlyIndices
            """,
        },
    ),
    "scorers": _family(
        "A metric function (which must itself be trusted) with keyword arguments, called with an "
        "estimator and data.",
        {
            "sklearn.metrics._scorer": "_CurveScorer _MultimetricScorer _PassthroughScorer _Scorer",
            "sklearn.model_selection._validation": "_Scorer",
        },
    ),
    "metadata routing": _family(
        "Tables of names: which method asks for which argument.",
        {
            "sklearn.utils._metadata_requests": """
                MetadataRequest MetadataRouter MethodMapping MethodMetadataRequest MethodPair
                RouterMappingPair
            """,
        },
    ),
    "score functions": _family(
        "Functions of arrays that return numbers: for feature selection, for scorers, for metrics of "
        "distance. None opens anything, and a callable they are given can only come from this list too.",
        {
            "sklearn.cluster._kmeans": "_kmeans_single_elkan _kmeans_single_lloyd",
            "sklearn.covariance._shrunk_covariance": "ledoit_wolf oas shrunk_covariance",
            "sklearn.feature_selection._mutual_info": "mutual_info_classif mutual_info_regression",
            "sklearn.feature_selection._univariate_selection": """
                chi2 f_classif f_oneway f_regression r_regression
            """,
            "sklearn.metrics._classification": """
                accuracy_score balanced_accuracy_score brier_score_loss cohen_kappa_score d2_brier_score
                d2_log_loss_score f1_score fbeta_score hamming_loss hinge_loss jaccard_score log_loss
                matthews_corrcoef precision_score recall_score zero_one_loss
            """,
            "sklearn.metrics._ranking": """
                average_precision_score coverage_error dcg_score label_ranking_average_precision_score
                label_ranking_loss ndcg_score roc_auc_score top_k_accuracy_score
            """,
            "sklearn.metrics._regression": """
                d2_absolute_error_score d2_pinball_score d2_tweedie_score explained_variance_score
                max_error mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance
                mean_pinball_loss mean_poisson_deviance mean_squared_error mean_squared_log_error
                mean_tweedie_deviance median_absolute_error r2_score root_mean_squared_error
                root_mean_squared_log_error
            """,
            "sklearn.metrics.cluster._supervised": """
                adjusted_mutual_info_score adjusted_rand_score completeness_score fowlkes_mallows_score
                homogeneity_score mutual_info_score normalized_mutual_info_score rand_score
                v_measure_score
            """,
            "sklearn.metrics.cluster._unsupervised": """
                calinski_harabasz_score davies_bouldin_score silhouette_score
            """,
            "sklearn.metrics.pairwise": """
                additive_chi2_kernel chi2_kernel cosine_distances cosine_similarity euclidean_distances
                haversine_distances laplacian_kernel linear_kernel manhattan_distances
                nan_euclidean_distances polynomial_kernel rbf_kernel sigmoid_kernel
            """,
            "sklearn.preprocessing._data": """
                add_dummy_feature binarize maxabs_scale minmax_scale normalize power_transform
                quantile_transform robust_scale scale
            """,
        },
    ),
    "array functions": _family(
        "Plain functions of arrays that estimators take as parameters. None reads files, evaluates text "
        "or calls what it is given.",
        {
            "numpy": """
                amax amin argmax argmin clip concatenate cumsum diff hstack max mean median min nan_to_num
                nanmax nanmean nanmedian nanmin nanstd nansum prod ravel reshape std sum transpose var
                vstack
            """,
            "scipy._lib.array_api_compat.numpy._aliases": "asarray",
        },
    ),
    "NumPy": _family(
        "Types of numbers, and random states.",
        {
            "numpy": "dtype float32 float64 int32 int64",
            "numpy.random": "Generator RandomState",
        },
    ),
    "SciPy": _family(
        "Sparse matrices and arrays, splines and frozen distributions: numbers in arrays.",
        {
            "scipy.interpolate._bsplines": "BSpline",
            "scipy.interpolate._interpolate": "interp1d",
            "scipy.sparse._bsr": "bsr_array bsr_matrix",
            "scipy.sparse._coo": "coo_array coo_matrix",
            "scipy.sparse._csc": "csc_array csc_matrix",
            "scipy.sparse._csr": "csr_array csr_matrix",
            "scipy.sparse._dia": "dia_array dia_matrix",
            "scipy.sparse._dok": "dok_array dok_matrix",
            "scipy.sparse._lil": "lil_array lil_matrix",
        },
    ),
}

TYPES: frozenset[str] = frozenset().union(*(family.names for family in FAMILIES.values()))
"""Every reviewed name."""
