package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const (
	// maxDocumentBytes is the largest body of an order.
	maxDocumentBytes = 3 << 20
	// maxDocuments is far above what people write, and keeps the answer short.
	maxDocuments = 2_000
)

// typeMeta is the kind that an object says that it is of.
type typeMeta struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

// document is an object as somebody wrote it, in JSON, with the kind and name that it says of itself.
type document struct {
	typeMeta
	Metadata struct {
		Name         string `json:"name"`
		GenerateName string `json:"generateName"`
	} `json:"metadata"`

	json    []byte
	problem *problem // why it cannot be read, instead of the rest
}

func (d *document) name() string {
	if d.Metadata.Name == "" {
		return d.Metadata.GenerateName
	}
	return d.Metadata.Name
}

// documentsOf reads the documents of a file as kubectl does: YAML or JSON, parted by lines of three dashes, Lists taken
// apart, empty ones left out.
func documentsOf(text string) []document {
	var documents []document
	reader := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		part, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return append(documents, unreadable(err))
		}
		documents = append(documents, documentsIn(part)...)
		if len(documents) > maxDocuments {
			return []document{unreadable(fmt.Errorf("more than %d objects in one file", maxDocuments))}
		}
	}
	if len(documents) == 0 {
		return []document{unreadable(errors.New("no object in it"))}
	}
	return documents
}

func documentsIn(part []byte) []document {
	converted, err := toJSON(part)
	if err != nil {
		return []document{unreadable(err)}
	}
	if bytes.Equal(bytes.TrimSpace(converted), []byte("null")) {
		return nil
	}
	return documentsOfJSON(converted, nil)
}

// toJSON refuses keys that stand twice, of which YAML would take the last. JSON stays as it is: what is wrong with it is
// found when it is decoded.
func toJSON(part []byte) ([]byte, error) {
	if len(part) > maxDocumentBytes {
		return nil, tooLarge(len(part))
	}
	if utilyaml.IsJSONBuffer(part) {
		return part, nil
	}
	converted, err := yaml.YAMLToJSONStrict(part)
	if err != nil {
		return nil, explainYAML(part, err)
	}
	if len(converted) > maxDocumentBytes { // aliases make much of little
		return nil, tooLarge(len(converted))
	}
	return converted, nil
}

func tooLarge(size int) error {
	return fmt.Errorf("the object has %d bytes, at most %d can be ordered", size, maxDocumentBytes)
}

func explainYAML(part []byte, err error) error {
	message := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	message = strings.Join(strings.Fields(message), " ")
	if bytes.Contains(part, []byte("{{")) {
		return fmt.Errorf("%s; this looks like a template: render it first, for example with helm template", message)
	}
	if strings.Contains(message, "cannot start any token") && bytes.Contains(part, []byte("\t")) {
		return fmt.Errorf("%s; YAML is indented with spaces, never with tabs", message)
	}
	return errors.New(message)
}

// documentsOfJSON takes a List apart; implied is what an item of a list of one kind need not say, nil for what is no item.
func documentsOfJSON(object []byte, implied *typeMeta) []document {
	list := struct {
		document
		Items    []rawItem `json:"items"`
		Services any       `json:"services"`
		Profiles any       `json:"profiles"`
	}{}
	if implied != nil {
		list.typeMeta = *implied
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(object, &list); err != nil {
		return []document{unreadable(fmt.Errorf("it is not an object of Kubernetes: %w", err))}
	}
	switch {
	case list.Kind == "" && list.APIVersion == "" && list.Services != nil && list.Profiles != nil:
		return []document{unreadable(errors.New("this is an Akash SDL file, not an object of Kubernetes: write Deployments and Services instead"))}
	case list.Kind == "" && list.APIVersion == "" && list.Services != nil:
		return []document{unreadable(errors.New("this is a Docker Compose file, not an object of Kubernetes: convert it, for example with kompose convert"))}
	case strings.HasSuffix(list.Kind, "List") && list.Items != nil && implied != nil:
		return []document{unreadable(errors.New("a List within a List is not read: write its items into the outer one"))}
	case strings.HasSuffix(list.Kind, "List") && list.Items != nil:
		item := typeMeta{}
		if list.Kind != "List" {
			item = typeMeta{list.APIVersion, strings.TrimSuffix(list.Kind, "List")}
		}
		var documents []document
		for _, text := range list.Items {
			documents = append(documents, documentsOfJSON(text, &item)...)
		}
		return documents
	}
	list.document.json = object
	return []document{list.document}
}

// rawItem is an item of a List, still in JSON.
type rawItem []byte

func (r *rawItem) UnmarshalJSON(text []byte) error {
	*r = bytes.Clone(text)
	return nil
}

func unreadable(err error) document {
	return document{problem: &problem{Message: err.Error()}}
}
