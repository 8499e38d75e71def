// check says whether the cluster would take manifests, without asking it: they go through the decoding, defaulting and
// validation of the API server's own Kubernetes, its Pod Security, and the policies that the server loads.
//
// It reads a request as JSON from standard input and writes the verdict as JSON to standard output. Its exit code says
// only whether there is a verdict.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/klog/v2"
)

// request is what is to be checked: text that somebody has written, and who would order it.
type request struct {
	Role string `json:"role"`
	// Rules are those of each role, in the order of what they may: the least first.
	Rules []roleRules `json:"rules"`
	Files []file      `json:"files"`
}

type roleRules struct {
	Role  string              `json:"role"`
	Rules []rbacv1.PolicyRule `json:"rules"`
}

type file struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// verdict is about all files: accepted when each object is, and there is one.
type verdict struct {
	Accepted  bool            `json:"accepted"`
	Objects   []objectVerdict `json:"objects"`
	Unchecked []unchecked     `json:"unchecked"`
}

// objectVerdict is about one document, or one item of a List.
type objectVerdict struct {
	File     string    `json:"file"`
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Accepted bool      `json:"accepted"`
	Problems []problem `json:"problems"`
}

// problem is why an object would be refused. Path is the field, empty where it is none or not known.
type problem struct {
	Path    string `json:"path"`
	Message string `json:"message"`
}

// unchecked is what of an object only a live server can judge.
type unchecked struct {
	File string `json:"file"`
	Kind string `json:"kind"`
	Name string `json:"name"`
	What string `json:"what"`
}

func main() {
	klog.SetOutput(io.Discard) // of the many that Kubernetes's code writes none is for who asks
	klog.LogToStderr(false)
	if err := answer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "check: %v\n", err)
		os.Exit(1)
	}
}

func answer(in io.Reader, out io.Writer) error {
	var asked request
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return fmt.Errorf("read the request from standard input: %w", err)
	}
	checker, err := newChecker(asked.Role, asked.Rules)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(checker.check(asked.Files))
}
