// Command interop looks at logs, proofs and notes with code that others wrote: golang.org/x/mod/sumdb (note, tlog) and
// github.com/transparency-dev (merkle, formats). It reads one question a line and answers each with one line, both JSON.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// question says what to look at; which fields matter depends on Ask.
type question struct {
	Ask string `json:"ask"`

	// log
	Dir       string             `json:"dir"`
	Changes   map[string]*[]byte `json:"changes"`
	Origin    string             `json:"origin"`
	LogKey    string             `json:"log_key"`
	Witnesses []string           `json:"witnesses"`
	Previous  []string           `json:"previous"`

	// inclusion, consistency
	Index    uint64   `json:"index"`
	OldSize  uint64   `json:"old_size"`
	Size     uint64   `json:"size"`
	LeafHash []byte   `json:"leaf_hash"`
	OldRoot  []byte   `json:"old_root"`
	Root     []byte   `json:"root"`
	Proof    [][]byte `json:"proof"`

	// proof_file, policy, sign
	Text  string `json:"text"`
	Leaf  []byte `json:"leaf"`
	Note  string `json:"note"`
	Named string `json:"named"`
}

// answer has an empty Flaw when everything holds.
type answer struct {
	Flaw    string   `json:"flaw"`
	Size    uint64   `json:"size,omitempty"`
	Entries int      `json:"entries,omitempty"`
	Proofs  int      `json:"proofs,omitempty"`
	Signers []string `json:"signers,omitempty"`
	Times   []int64  `json:"times,omitempty"`
	Note    string   `json:"note,omitempty"`
	Keys    []string `json:"keys,omitempty"`
	Vectors *vectors `json:"vectors,omitempty"`
}

var asked = map[string]func(question) (answer, error){
	"log":         verifyLog,
	"inclusion":   checkInclusion,
	"consistency": checkConsistency,
	"proof_file":  checkProofFile,
	"policy":      checkPolicy,
	"note":        openNote,
	"sign":        signNote,
	"vectors":     published,
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer) error {
	answers := bufio.NewWriter(out)
	defer answers.Flush()
	encoder := json.NewEncoder(answers)
	for decoder := json.NewDecoder(in); ; {
		var q question
		if err := decoder.Decode(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		look, ok := asked[q.Ask]
		if !ok {
			return fmt.Errorf("nobody can be asked for %q", q.Ask)
		}
		a, err := look(q)
		if err != nil {
			a.Flaw = err.Error()
		}
		if err := encoder.Encode(a); err != nil {
			return err
		}
	}
}
