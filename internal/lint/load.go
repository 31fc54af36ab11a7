package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// module is the path of the module: imports that start with it are the project's own.
const module = "github.com/conform-stack/conform"

// A pkg is one folder with Go files, those of every operating system together.
type pkg struct {
	dir   string // from the root of the module, with slashes
	fset  *token.FileSet
	files []*file
}

// A file is one Go file.
type file struct {
	*ast.File
	path string // from the root of the module, with slashes
	test bool
}

// load parses all packages below the root of the module. testdata and hidden folders are left out, as go build does.
func load(root string) ([]*pkg, error) {
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		return nil, fmt.Errorf("%s is not the root of the module: %w", root, err)
	}
	byDir := map[string]*pkg{}
	var pkgs []*pkg
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if byDir[dir] == nil {
			byDir[dir] = &pkg{dir: dir, fset: token.NewFileSet()}
			pkgs = append(pkgs, byDir[dir])
		}
		return byDir[dir].add(name, src)
	})
	return pkgs, err
}

// add parses a file into p.
func (p *pkg) add(name string, src []byte) error {
	f, err := parser.ParseFile(p.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	p.files = append(p.files, &file{File: f, path: name, test: strings.HasSuffix(name, "_test.go")})
	return nil
}

// in tells whether the package is one of the given folders or stands below one.
func (p *pkg) in(dirs ...string) bool { return below(p.dir, dirs...) }

func below(dir string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return dir == d || strings.HasPrefix(dir, d+"/") })
}

// uses resolves the names of the files that are no tests, as far as the package alone tells: what it imports is not
// looked at, and the errors that follow from that are no concern of a linter.
func (p *pkg) uses() (*types.Package, *types.Info) {
	var files []*ast.File
	for _, f := range p.files {
		if !f.test {
			files = append(files, f.File)
		}
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}}
	tp, _ := conf.Check(p.dir, p.fset, files, info)
	return tp, info
}

type noImports struct{}

func (noImports) Import(string) (*types.Package, error) {
	return nil, errors.New("imports are not resolved")
}

// importPath is what an import names.
func importPath(s *ast.ImportSpec) string {
	name, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		panic(fmt.Sprintf("the parser let the import path %s pass", s.Path.Value))
	}
	return name
}

// own gives the folder of an import of the project's own.
func own(importPath string) (dir string, ok bool) { return strings.CutPrefix(importPath, module+"/") }

// qualifiers are the names under which f refers to the package of an import path: usually one; "." for a dot import.
func (f *file) qualifiers(of string) (names []string) {
	for _, s := range f.Imports {
		switch {
		case importPath(s) != of:
		case s.Name != nil:
			names = append(names, s.Name.Name)
		default:
			names = append(names, baseName(of))
		}
	}
	return names
}

// baseName is the name that a package most likely has: the last word of its path that is no major version.
func baseName(importPath string) string {
	base := path.Base(importPath)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		return path.Base(path.Dir(importPath))
	}
	return base
}
