package isolation

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// kernelSets are the sets as the kernel has them.
type kernelSets struct {
	contents
	// missing are those that are not there; foreign are there under our names, but of another kind.
	missing, foreign []setID
	// strange are lines that take away entries of a form that is never ours.
	strange []string
}

// holds says whether the kernel has what was set.
func (k *kernelSets) holds(set *contents) bool {
	return len(k.missing)+len(k.foreign)+len(k.strange) == 0 && changeTo(&k.contents, set).entries == 0
}

var setIDs = func() map[string]setID {
	ids := map[string]setID{}
	for id, kind := range kinds {
		ids[kind.name] = setID(id)
	}
	return ids
}()

// readSets asks the kernel for all of our sets.
func readSets(ctx context.Context) (*kernelSets, error) {
	output, err := run(ctx, "", "ipset", "save")
	if err != nil {
		return nil, err
	}
	return parseSets(strings.NewReader(output))
}

func parseSets(saved io.Reader) (*kernelSets, error) {
	k := &kernelSets{}
	lines := bufio.NewScanner(saved)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			continue
		}
		id, ours := setIDs[fields[1]]
		switch {
		case !ours:
		case fields[0] == "create":
			k.contents[id] = members{}
			if !kinds[id].isShownAs(fields) {
				k.foreign = append(k.foreign, id)
			}
		case fields[0] == "add":
			k.take(id, fields[2:])
		}
	}
	for id := range setID(setCount) {
		if k.contents[id] == nil {
			k.contents[id] = members{}
			k.missing = append(k.missing, id)
		}
	}
	return k, lines.Err()
}

// isShownAs compares what matters of the line that shows a set: the table's size is the kernel's to change.
func (k setKind) isShownAs(shown []string) bool {
	has := map[string]bool{}
	for i, word := range shown {
		has[word] = true
		if i > 0 {
			has[shown[i-1]+" "+word] = true
		}
	}
	return shown[2] == k.kind && has["family inet"] && has[fmt.Sprintf("maxelem %d", k.max)] && has["skbinfo"] == k.hasMark &&
		!has["timeout"] && !has["netmask"] && !has["bitmask"] && !has["forceadd"]
}

// take notes an entry as it is shown: `10.42.0.5 skbmark 0x10000/0x0`.
func (k *kernelSets) take(id setID, words []string) {
	e, err := kinds[id].parse(words[0])
	var m mark
	if kinds[id].hasMark && err == nil {
		m, err = parseMark(words[1:])
	} else if err == nil && len(words) > 1 {
		err = fmt.Errorf("%q says more than is ours", words)
	}
	if err != nil {
		k.strange = append(k.strange, fmt.Sprintf("del %s %s\n", kinds[id].name, words[0]))
		return
	}
	k.contents[id][e] = m
}

func parseMark(words []string) (m mark, err error) {
	if len(words) != 2 || words[0] != "skbmark" {
		return m, fmt.Errorf("%q is no mark", words)
	}
	value, mask, _ := strings.Cut(words[1], "/")
	for _, part := range []struct {
		text string
		into *uint32
	}{{value, &m.value}, {mask, &m.mask}} {
		number, err := strconv.ParseUint(part.text, 0, 32)
		if err != nil {
			return m, err
		}
		*part.into = uint32(number)
	}
	return m, nil
}

// restore has ipset carry out lines, each as far as it is not so already.
func restore(ctx context.Context, script string) error {
	if script == "" {
		return nil
	}
	_, err := run(ctx, script, "ipset", "-exist", "restore")
	return err
}
