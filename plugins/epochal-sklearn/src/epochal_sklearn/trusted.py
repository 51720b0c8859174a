"""The types that a model may hold and be loaded without the caller's trust: reviewed, by name, with the reason.

Every name was held against three questions, because a crafted file may use it in any place where skops builds an
object: is it harmless when *called with arguments of the file's choosing*; when made without its `__init__` and
given any attributes; and when the model is then used?  Harmless means: runs no code but its own, opens no file, no
socket, imports nothing.  Functions are trusted to be *named* by a model (as its scorer, say), never to be called by the loading itself:
`flavor` sees to that.  skops itself vouches for scikit-learn's public estimators and NumPy's and SciPy's ufuncs,
dtypes, arrays and bit generators; this list adds what fitted estimators hold besides.

Types whose *content* could crash the process (indices that C code follows unchecked) are listed as well, and
`audit` checks that content after loading and before the model is handed out.

Not here, on purpose: anything that reads or writes files (`sklearn.datasets`, `joblib.Memory`), that calls what it
is given (`functools.partial`, `operator.methodcaller`), and all that is not scikit-learn's, NumPy's or SciPy's.
"""

from __future__ import annotations

from typing import NamedTuple


class Family(NamedTuple):
    """Types that are trusted for one reason."""

    reason: str
    names: frozenset[str]


def _family(reason: str, **modules: str) -> Family:
    """Build a family from ``module="Name Name"``, the dots of a module written as double underscores."""
    paths = {module.replace("___", "._").replace("__", "."): names.split() for module, names in modules.items()}
    return Family(reason, frozenset(f"{module}.{name}" for module, names in paths.items() for name in names))


FAMILIES: dict[str, Family] = {
    "trees": _family(
        "Arrays of nodes. Children and features are indices that C code follows: checked by `audit`.",
        sklearn__tree___tree="Tree",
        sklearn__ensemble___hist_gradient_boosting__predictor="TreePredictor",
        sklearn__ensemble___hist_gradient_boosting__binning="_BinMapper",
        sklearn__ensemble___gb="DummyClassifier DummyRegressor",
    ),
    "neighbours": _family(
        "Search trees over points: arrays and a metric. Their indices are checked by `audit`.",
        sklearn__neighbors___kd_tree="KDTree KDTree64 KDTree32",
        sklearn__neighbors___ball_tree="BallTree BallTree64 BallTree32",
        sklearn__metrics___dist_metrics=" ".join(
            f"{metric}Distance{bits}"
            for bits in ("", "64", "32")
            for metric in (
                "Euclidean SEuclidean Manhattan Chebyshev Minkowski Mahalanobis Hamming Canberra BrayCurtis Jaccard "
                "Dice RogersTanimoto RussellRao SokalMichener SokalSneath Haversine Matching Kulsinski"
            ).split()
        ),
    ),
    "parts of estimators": _family(
        "Plain holders of fitted arrays and estimators that public estimators keep inside.",
        sklearn__calibration="_CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
        sklearn__cluster___bisect_k_means="_BisectingTree",
        sklearn__cluster___birch="_CFNode _CFSubcluster",
        sklearn__cluster___hdbscan___tree="CondensedTree",
        sklearn__gaussian_process___gpc="_BinaryGaussianProcessClassifierLaplace",
        sklearn__multiclass="_ConstantPredictor",
        sklearn__neural_network___stochastic_optimizers="AdamOptimizer SGDOptimizer BaseOptimizer",
        sklearn__preprocessing___label="LabelBinarizer LabelEncoder",
        sklearn__utils___bunch="Bunch",
        sklearn__utils="Bunch",
    ),
    "losses and links": _family(
        "Formulas with a few numbers as parameters; methods compute on arrays.",
        sklearn___loss__loss=(
            "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss HalfPoissonLoss "
            "HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss"
        ),
        sklearn___loss__link="HalfLogitLink IdentityLink Interval LogLink LogitLink MultinomialLogit",
        sklearn___loss___loss=(
            "CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss "
            "CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss"
        ),
        sklearn__ensemble___gb_losses=(
            "BinomialDeviance MultinomialDeviance LeastSquaresError LeastAbsoluteError HuberLossFunction "
            "QuantileLossFunction ExponentialLoss"
        ),
        sklearn__linear_model___sgd_fast=(
            "EpsilonInsensitive Hinge Huber Log ModifiedHuber SquaredEpsilonInsensitive SquaredHinge SquaredLoss"
        ),
    ),
    "kernels": _family(
        "Gaussian process kernels: numbers and other kernels; they compute on arrays.",
        sklearn__gaussian_process__kernels=(
            "CompoundKernel ConstantKernel DotProduct ExpSineSquared Exponentiation Hyperparameter Matern "
            "PairwiseKernel Product RBF RationalQuadratic Sum WhiteKernel"
        ),
    ),
    "splitters": _family(
        "Cross-validation schemes: numbers and a random state; they yield indices. (Those made of a user's iterable hold "
        "plain lists.)",
        sklearn__model_selection___split=(
            "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut LeavePGroupsOut LeavePOut PredefinedSplit "
            "RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit "
            "TimeSeriesSplit _CVIterableWrapper _YieldsOnlyIndices"
        ),
        sklearn__model_selection___search_successive_halving="_SubsampleMetaSplitter",
    ),
    "scorers": _family(
        "A metric function (which must itself be trusted) with keyword arguments, called with an estimator and data.",
        sklearn__metrics___scorer="_CurveScorer _MultimetricScorer _PassthroughScorer _Scorer",
        sklearn__model_selection___validation="_Scorer",
    ),
    "metadata routing": _family(
        "Tables of names: which method asks for which argument.",
        sklearn__utils___metadata_requests=(
            "MetadataRequest MethodMetadataRequest MetadataRouter MethodMapping MethodPair RouterMappingPair"
        ),
    ),
    "score functions": _family(
        "Functions of arrays that return numbers: for feature selection, for scorers, for metrics of distance. None "
        "opens anything, and a callable they are given can only come from this list too.",
        sklearn__feature_selection___univariate_selection="chi2 f_classif f_oneway f_regression r_regression",
        sklearn__feature_selection___mutual_info="mutual_info_classif mutual_info_regression",
        sklearn__metrics___classification=(
            "accuracy_score balanced_accuracy_score brier_score_loss cohen_kappa_score d2_log_loss_score f1_score "
            "fbeta_score hamming_loss hinge_loss jaccard_score log_loss matthews_corrcoef precision_score recall_score "
            "zero_one_loss d2_brier_score"
        ),
        sklearn__metrics___regression=(
            "d2_absolute_error_score d2_pinball_score d2_tweedie_score explained_variance_score max_error "
            "mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance mean_pinball_loss "
            "mean_poisson_deviance mean_squared_error mean_squared_log_error mean_tweedie_deviance "
            "median_absolute_error r2_score root_mean_squared_error root_mean_squared_log_error"
        ),
        sklearn__metrics___ranking=(
            "average_precision_score coverage_error dcg_score label_ranking_average_precision_score "
            "label_ranking_loss ndcg_score roc_auc_score top_k_accuracy_score"
        ),
        sklearn__metrics__cluster___supervised=(
            "adjusted_mutual_info_score adjusted_rand_score completeness_score fowlkes_mallows_score homogeneity_score "
            "mutual_info_score normalized_mutual_info_score rand_score v_measure_score"
        ),
        sklearn__metrics__cluster___unsupervised="calinski_harabasz_score davies_bouldin_score silhouette_score",
        sklearn__metrics__pairwise=(
            "additive_chi2_kernel chi2_kernel cosine_distances cosine_similarity euclidean_distances "
            "haversine_distances laplacian_kernel linear_kernel manhattan_distances nan_euclidean_distances "
            "polynomial_kernel rbf_kernel sigmoid_kernel"
        ),
        sklearn__preprocessing___data=(
            "add_dummy_feature binarize maxabs_scale minmax_scale normalize power_transform quantile_transform "
            "robust_scale scale"
        ),
        sklearn__cluster___kmeans="_kmeans_single_elkan _kmeans_single_lloyd",
        sklearn__covariance___shrunk_covariance="ledoit_wolf oas shrunk_covariance",
    ),
    "array functions": _family(
        "Plain functions of arrays that estimators take as parameters. None reads files, evaluates text or calls what "
        "it is given.",
        numpy=(
            "amax amin argmax argmin clip concatenate cumsum diff hstack max mean median min nan_to_num nanmax nanmean "
            "nanmedian nanmin nanstd nansum prod ravel reshape std sum transpose var vstack"
        ),
        scipy___lib__array_api_compat__numpy___aliases="asarray",
    ),
    "NumPy": _family(
        "Types of numbers, and random states.",
        numpy="dtype float32 float64 int32 int64",
        numpy__random="RandomState Generator",
    ),
    "SciPy": _family(
        "Sparse matrices and arrays, splines and frozen distributions: numbers in arrays.",
        scipy__sparse___csr="csr_matrix csr_array",
        scipy__sparse___csc="csc_matrix csc_array",
        scipy__sparse___coo="coo_matrix coo_array",
        scipy__sparse___bsr="bsr_matrix bsr_array",
        scipy__sparse___dia="dia_matrix dia_array",
        scipy__sparse___dok="dok_matrix dok_array",
        scipy__sparse___lil="lil_matrix lil_array",
        scipy__interpolate___bsplines="BSpline",
        scipy__interpolate___interpolate="interp1d",
    ),
}

TYPES: frozenset[str] = frozenset().union(*(family.names for family in FAMILIES.values()))
"""Every reviewed name."""
