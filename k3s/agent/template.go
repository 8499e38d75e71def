package agent

import (
	"bytes"
	"text/template"

	"daasvader/k3s/pki"
)

// writeTemplate writes a configuration file, filled in with values.
func writeTemplate(file, text string, values any) error {
	var out bytes.Buffer
	if err := template.Must(template.New(file).Parse(text)).Execute(&out, values); err != nil {
		return err
	}
	return pki.WriteFile(file, out.Bytes(), 0o600)
}
