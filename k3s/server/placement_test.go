package server

import (
	"context"
	"testing"

	framework "k8s.io/kube-scheduler/framework"
)

func place(t *testing.T, nodes int) framework.NodeScoreList {
	t.Helper()
	scores := make(framework.NodeScoreList, nodes)
	if status := (randomPlacement{}).NormalizeScore(context.Background(), nil, nil, scores); status != nil {
		t.Fatal(status)
	}
	return scores
}

func best(scores framework.NodeScoreList) int {
	first := 0
	for index, node := range scores {
		if node.Score > scores[first].Score {
			first = index
		}
	}
	return first
}

func TestEveryNodeIsAsLikelyWhereverItStands(t *testing.T) {
	const nodes, pods = 11, 11_000
	var placed [nodes]int
	for range pods {
		placed[best(place(t, nodes))]++
	}
	for index, count := range placed { // 1,000 each: six standard deviations are 181
		if count < 819 || count > 1_181 {
			t.Errorf("node %d has %d of %d pods", index, count, pods)
		}
	}
}

func TestOneNodeIsAloneAtTheTop(t *testing.T) {
	for _, nodes := range []int{1, 2, 11, 100, 1_000} {
		scores := place(t, nodes)
		tops := 0
		for _, node := range scores {
			if node.Score < 0 || node.Score > framework.MaxNodeScore {
				t.Fatalf("score %d of %d nodes", node.Score, nodes)
			}
			if node.Score == framework.MaxNodeScore {
				tops++
			}
		}
		if tops != 1 {
			t.Errorf("%d of %d nodes at the top", tops, nodes)
		}
	}
}
