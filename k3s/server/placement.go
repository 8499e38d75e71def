package server

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	framework "k8s.io/kube-scheduler/framework"
)

const randomPlacementName = "RandomPlacement"

// randomPlacement has a pod go to any of the nodes that are equally good for it, each as likely as the next, whatever was
// placed before. The scheduler itself takes the first of equals in an order that goes round: who submits and cancels
// would choose which node is next. A plugin that does not say what makes two pods alike keeps it from reusing a choice.
type randomPlacement struct{}

var (
	_ framework.ScorePlugin     = randomPlacement{}
	_ framework.ScoreExtensions = randomPlacement{}
)

func newRandomPlacement(context.Context, runtime.Object, framework.Handle) (framework.Plugin, error) {
	return randomPlacement{}, nil
}

func (randomPlacement) Name() string { return randomPlacementName }

func (randomPlacement) Score(context.Context, framework.CycleState, *core.Pod, framework.NodeInfo) (int64, *framework.Status) {
	return 0, nil
}

func (p randomPlacement) ScoreExtensions() framework.ScoreExtensions { return p }

// NormalizeScore puts the nodes into an order that nobody can foresee; the first is alone at the top.
func (randomPlacement) NormalizeScore(_ context.Context, _ framework.CycleState, _ *core.Pod, scores framework.NodeScoreList) *framework.Status {
	order := rand.New(secretSource{}).Perm(len(scores))
	for place, index := range order {
		scores[index].Score = framework.MaxNodeScore - (int64(place)*framework.MaxNodeScore+int64(len(scores))-1)/int64(len(scores))
	}
	return nil
}

// secretSource draws from the enclave's own randomness.
type secretSource struct{}

func (secretSource) Uint64() uint64 {
	var bytes [8]byte
	cryptorand.Read(bytes[:]) // never fails, by its documentation
	return binary.LittleEndian.Uint64(bytes[:])
}
