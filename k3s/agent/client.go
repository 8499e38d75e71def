package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"k8s.io/client-go/rest"
)

// maxAnswer bounds what the server may answer to one request; the longest, a list of volumes, takes some 100 bytes each.
const maxAnswer = 1 << 20

// client asks the server with the node's certificate, which it reads again whenever it is renewed. Its requests end with
// their contexts.
type client struct {
	server string
	http   *http.Client
}

func newClient(o *Options) (*client, error) {
	config, err := o.restConfig()
	if err != nil {
		return nil, err
	}
	// Who gives a request up gives up its connection, which may be dead. With HTTP/2 the next one would go into the same.
	config.NextProtos = []string{"http/1.1"}
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("read the node's credential: %w", err)
	}
	return &client{server: o.Server, http: http}, nil
}

// open sends a request and returns its answer, unless that is an error, for the caller to read and close.
func (c *client) open(ctx context.Context, method, path string, body []byte) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return response.Body, nil
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(response.Body, 200)) // what can be read of it explains the status
	return nil, &statusError{response.StatusCode, fmt.Sprintf("the server answers %s: %s", response.Status, bytes.TrimSpace(said))}
}

// statusError is an answer that the server gave instead of doing what it was asked.
type statusError struct {
	code int
	said string
}

func (e *statusError) Error() string { return e.said }

// get returns the whole answer.
func (c *client) get(ctx context.Context, path string) ([]byte, error) {
	body, err := c.open(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, maxAnswer))
}

// post sends a value as JSON.
func (c *client) post(ctx context.Context, path string, value any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	content, err := json.Marshal(value)
	if err != nil {
		return err
	}
	body, err := c.open(ctx, http.MethodPost, path, content)
	if err != nil {
		return err
	}
	return body.Close()
}
