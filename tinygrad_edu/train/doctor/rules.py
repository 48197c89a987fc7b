"""`RULES`: all rules of the doctor, in the order in which they run."""

from tinygrad_edu.train.doctor.architecture import (
    InitialWeightsTooLarge,
    MissingNonlinearity,
    NetTooSmall,
    NoBiases,
    SoftmaxInside,
    TooMuchDropout,
)
from tinygrad_edu.train.doctor.evaluation import (
    BatchNormOfFewRows,
    BatchNormStatistics,
    EvaluationModeInTraining,
    TrainingModeInEvaluation,
)
from tinygrad_edu.train.doctor.finding import Rule
from tinygrad_edu.train.doctor.frozen import (
    FrozenUntrained,
    NeverAGradient,
    NeverChanged,
    NoBackward,
    NotInTheOptimizer,
    OnlyThePenalty,
    RecurrentWeightsUnused,
)
from tinygrad_edu.train.doctor.generalization import LabelNoise, Overfitting, UnrelatedLabels
from tinygrad_edu.train.doctor.gradients import Exploding, MissingZeroGrad, ResetBetweenParts, Vanishing
from tinygrad_edu.train.doctor.inputs import (
    EqualInputs,
    NotNormalized,
    SameBatch,
    SequenceAxis,
    TestInputsOnAnotherScale,
)
from tinygrad_edu.train.doctor.labels import (
    ChangingLabels,
    EqualLabels,
    RareClass,
    SortedRows,
    TargetsNotScaled,
    UnusedOutputs,
)
from tinygrad_edu.train.doctor.losses import (
    AbsoluteErrorOfClasses,
    BinaryLossOfClasses,
    BroadcastLabels,
    HingeOfZeros,
    ProbabilitiesAsLogits,
    RewardedErrors,
    SoftmaxTwice,
    SquaredErrorOfClassNumbers,
    TargetsOutsideZeroToOne,
)
from tinygrad_edu.train.doctor.numbers import NotANumber
from tinygrad_edu.train.doctor.outputs import (
    OneUnitSoftmax,
    OutputsOutOfRange,
    RawOutputs,
    ReluBeforeLogitsLoss,
    SoftmaxOverTheBatch,
)
from tinygrad_edu.train.doctor.rates import Ascent, RateOfZero, RateTooHigh, RateTooLow
from tinygrad_edu.train.doctor.strength import (
    FadingRate,
    LargeEpsilon,
    LongWarmUp,
    TooFewSteps,
    TooMuchClipping,
    TooMuchDecay,
)
from tinygrad_edu.train.doctor.units import DeadReLUs, EqualWeights, Saturated

RULES: tuple[type[Rule], ...] = (
    *(NotANumber, RewardedErrors, Ascent, InitialWeightsTooLarge, RateTooHigh, DeadReLUs, Exploding),
    *(
        MissingZeroGrad,
        ResetBetweenParts,
        NeverAGradient,
        OnlyThePenalty,
        NeverChanged,
        NoBackward,
        NotInTheOptimizer,
        FrozenUntrained,
    ),
    *(RecurrentWeightsUnused, SequenceAxis, Saturated, EqualWeights, NotNormalized, EqualInputs),
    *(SoftmaxTwice, ProbabilitiesAsLogits, BroadcastLabels, OutputsOutOfRange, RawOutputs, OneUnitSoftmax),
    *(ReluBeforeLogitsLoss, SoftmaxInside, SoftmaxOverTheBatch, TargetsOutsideZeroToOne, HingeOfZeros),
    *(EqualLabels, UnusedOutputs, SortedRows, SameBatch),
    *(TrainingModeInEvaluation, EvaluationModeInTraining, BatchNormStatistics, BatchNormOfFewRows),
    *(
        TooMuchDropout,
        TooMuchDecay,
        TooMuchClipping,
        LargeEpsilon,
        FadingRate,
        LongWarmUp,
        Vanishing,
        RateOfZero,
        RateTooLow,
        MissingNonlinearity,
        RareClass,
    ),
    *(AbsoluteErrorOfClasses, SquaredErrorOfClassNumbers, BinaryLossOfClasses, TargetsNotScaled),
    *(
        ChangingLabels,
        TestInputsOnAnotherScale,
        UnrelatedLabels,
        LabelNoise,
        Overfitting,
        NoBiases,
        NetTooSmall,
        TooFewSteps,
    ),
)
