package server

import (
	"bytes"
	_ "embed"
	"os"
	"path/filepath"
	"strconv"
	"text/template"

	"daasvader/k3s/pki"
	"daasvader/k3s/policies"
)

//go:embed admission.yaml
var admissionTemplate string

// writeAdmission writes how the API server admits objects: its configuration, and beside it the policies for tenants'
// objects. It does not start without them.
func writeAdmission(o *Options) error {
	directory, err := filepath.Abs(o.path("etc", "policies"))
	if err != nil {
		return err
	}
	// Every file in it counts, also those that an earlier version left.
	if err := os.RemoveAll(directory); err != nil {
		return err
	}
	if err := os.Mkdir(directory, 0o700); err != nil {
		return err
	}
	manifests, err := policies.Manifests()
	if err != nil {
		return err
	}
	if err := pki.WriteFile(filepath.Join(directory, "policies.yaml"), manifests, 0o600); err != nil {
		return err
	}
	var config bytes.Buffer
	values := struct{ PoliciesDir string }{strconv.Quote(directory)}
	if err := template.Must(template.New("").Parse(admissionTemplate)).Execute(&config, values); err != nil {
		return err
	}
	return pki.WriteFile(o.path("etc", "admission.yaml"), config.Bytes(), 0o600)
}
