package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

// keepUp has the node's volumes be as the server says until the context ends. Each answer is carried out whole, so
// what failed is tried again after wire.VolumesWait at the latest. Without an answer nothing changes.
func (v *volumes) keepUp(ctx context.Context, client *client) error {
	report := func(ctx context.Context, report wire.VolumeReport) error {
		return client.post(ctx, wire.VolumesPath, report)
	}
	version := ""
	ask := func(ctx context.Context) error {
		for {
			answer, err := listVolumes(ctx, client, version)
			if err != nil {
				return err
			}
			if unlisted := v.unlisted(answer.Volumes); version == "" && len(unlisted) > 0 {
				klog.InfoS("Volumes that the cluster does not know stay on the disk; their files are yours to remove", "volumes", unlisted)
			}
			v.follow(ctx, answer.Volumes, report)
			version = answer.Version
		}
	}
	return again(ctx, ask, func(err error, _ time.Duration) {
		klog.V(2).InfoS("Cannot ask which volumes are this node's", "err", err)
	})
}

// follow does for each volume what its state asks for, and reports what became of it. One that fails keeps no other back.
func (v *volumes) follow(ctx context.Context, listed []wire.Volume, report func(context.Context, wire.VolumeReport) error) {
	for _, volume := range listed {
		outcome, err := v.carryOut(ctx, volume)
		said := wire.VolumeReport{Name: volume.Name, Outcome: outcome}
		if err != nil {
			klog.ErrorS(err, "Cannot do what a volume needs", "volume", volume.Name, "state", volume.State)
			said.Outcome, said.Reason = wire.VolumeFailed, err.Error()
		}
		if said.Outcome == "" {
			continue
		}
		if err := report(ctx, said); err != nil && ctx.Err() == nil {
			klog.ErrorS(err, "Cannot report what became of a volume", "volume", volume.Name, "outcome", said.Outcome)
		}
	}
	if err := v.dropUnused(listed); err != nil {
		klog.ErrorS(err, "Cannot delete volumes that nobody waits for")
	}
}

// carryOut returns what is to be reported, "" if nothing. Names become paths, so none passes that is not a volume's.
func (v *volumes) carryOut(ctx context.Context, volume wire.Volume) (wire.VolumeOutcome, error) {
	if !wire.VolumeName.MatchString(volume.Name) {
		return "", errors.New("its name is none of a volume")
	}
	switch volume.State {
	case wire.MakeVolume:
		if volume.Bytes < wire.MinVolumeBytes || volume.Bytes > wire.MaxVolumeBytes || volume.Bytes%wire.MinVolumeBytes != 0 {
			return "", fmt.Errorf("its size of %d bytes is none of a volume", volume.Bytes)
		}
		return wire.VolumeMade, v.make(ctx, volume)
	case wire.KeepVolume:
		return "", v.keep(ctx, volume.Name)
	case wire.DeleteVolume:
		return wire.VolumeDeleted, v.delete(volume.Name)
	default:
		return "", fmt.Errorf("its state %q is unknown, update the agent", volume.State)
	}
}

// listVolumes asks which volumes are this node's, and waits until that is another list than that of the version.
func listVolumes(ctx context.Context, c *client, version string) (*wire.Volumes, error) {
	ctx, cancel := context.WithTimeout(ctx, wire.VolumesWait+requestTimeout)
	defer cancel()
	body, err := c.get(ctx, wire.VolumesPath+"?version="+url.QueryEscape(version))
	if err != nil {
		return nil, err
	}
	answer := &wire.Volumes{}
	if err := json.Unmarshal(body, answer); err != nil {
		return nil, fmt.Errorf("read the list of volumes: %w", err)
	}
	if len(answer.Volumes) > wire.MaxVolumes {
		return nil, fmt.Errorf("the list has %d volumes, of %d at most", len(answer.Volumes), wire.MaxVolumes)
	}
	return answer, nil
}
