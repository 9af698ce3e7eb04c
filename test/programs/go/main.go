// One of four programs that do the same: see ../program-tests.ts.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

type row struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(9)
	}
}

func greet(words []string) {
	fmt.Println("args", strings.Join(words, "|"))
	fmt.Printf("GREETING=%s\n", os.Getenv("GREETING"))
	text, err := io.ReadAll(os.Stdin)
	must(err)
	fmt.Printf("stdin %d bytes\n", len(text))
	fmt.Fprintln(os.Stderr, "greeted")
}

func sumOf(path string) int {
	text, err := os.ReadFile(path)
	must(err)
	sum := 0
	for _, field := range strings.Fields(string(text)) {
		number, err := strconv.Atoi(field)
		must(err)
		sum += number
	}
	return sum
}

func list(path string) {
	entries, err := os.ReadDir(path)
	must(err)
	fmt.Printf("%s:", path)
	for _, entry := range entries {
		fmt.Printf(" %s", entry.Name())
	}
	fmt.Println()
}

func files() {
	fmt.Println("sum", sumOf("/data/numbers.txt"))
	must(os.MkdirAll("/out/deep", 0o777))
	must(os.WriteFile("/out/deep/draft.txt", []byte("sum 60\n"), 0o666))
	draft, err := os.OpenFile("/out/deep/draft.txt", os.O_WRONLY|os.O_APPEND, 0)
	must(err)
	_, err = draft.WriteString("end\n")
	must(err)
	must(draft.Close())
	must(os.Rename("/out/deep/draft.txt", "/out/report.txt"))

	report, err := os.Open("/out/report.txt")
	must(err)
	info, err := report.Stat()
	must(err)
	_, err = report.Seek(-4, io.SeekEnd)
	must(err)
	last, err := io.ReadAll(report)
	must(err)
	must(report.Close())
	fmt.Printf("report %d bytes, last line %s\n", info.Size(), strings.TrimSpace(string(last)))

	list("/out")
	must(os.Remove("/out/deep"))
	must(os.Remove("/out/report.txt"))
	list("/out")
	must(os.WriteFile("/data/numbers.txt", []byte("1\n"), 0o666))
	fmt.Println("sum", sumOf("/data/numbers.txt"))
	if _, err := os.Open("/data/missing.txt"); errors.Is(err, fs.ErrNotExist) {
		fmt.Println("missing: no such file")
	}
}

func sortRows() {
	var rows []row
	must(json.NewDecoder(os.Stdin).Decode(&rows))
	sort.Slice(rows, func(a, b int) bool { return rows[a].Value > rows[b].Value })
	must(json.NewEncoder(os.Stdout).Encode(rows))
}

func waitFor(ms int) {
	before := time.Now()
	time.Sleep(time.Duration(ms) * time.Millisecond)
	word, after := "woke early", "no"
	if time.Since(before) >= time.Duration(ms)*time.Millisecond {
		word = "waited"
	}
	if time.Now().Unix() > 1735689600 {
		after = "yes"
	}
	fmt.Printf("%s after 2024: %s\n", word, after)
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	must(err)
	return value
}

func main() {
	command := ""
	if len(os.Args) > 1 {
		command = os.Args[1]
	}
	switch command {
	case "greet":
		greet(os.Args[2:])
	case "files":
		files()
	case "sort":
		sortRows()
	case "wait":
		waitFor(number(os.Args[2]))
	case "random":
		bytes := make([]byte, 16)
		_, err := rand.Read(bytes)
		must(err)
		fmt.Println(hex.EncodeToString(bytes))
	case "exit":
		os.Exit(number(os.Args[2]))
	case "crash":
		panic("as asked")
	default:
		fmt.Fprintln(os.Stderr, "unknown command", command)
		os.Exit(64)
	}
}
