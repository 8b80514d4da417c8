/** oxlint's door to rooms.ts, zones.ts and bans.ts: it finds the lines, they hold the rules and the reasons. */
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BANS, EMPTY_NAMES, EMPTY_NAMES_WHY, SQL_BANS } from './bans.ts'
import { placeOf } from './rooms.ts'
import { brokenZones } from './zones.ts'

/** What we read of a syntax tree (ESTree); oxlint ships no types for plugins. */
type Node = { readonly type: string; readonly [key: string]: unknown }
type Variable = { readonly defs: readonly unknown[]; readonly references: readonly { readonly identifier: Node }[] }
type Scope = { readonly variables: readonly Variable[]; readonly through: Variable['references'] }
type Context = {
  readonly filename: string
  readonly sourceCode: { readonly scopeManager: { readonly globalScope: Scope | null } }
  report(problem: { node: Node; message: string }): void
}
type Rule = { create(context: Context): Record<string, (node: never) => void> }

// A test lints files that lie elsewhere as if they lay here.
const ROOT = process.env['MESH_LINT_ROOT'] ?? fileURLToPath(new URL('../..', import.meta.url))
const pathOf = (context: Context): string => relative(ROOT, context.filename).replaceAll('\\', '/')

/** Imports point one way (zones.ts). */
const imports: Rule = {
  create(context) {
    const path = pathOf(context)
    const check = (node: Node): void => {
      const source = (node['source'] as Node | null)?.['value']
      if (typeof source !== 'string') return
      for (const { name, why } of brokenZones(path, source)) context.report({ node, message: `${name}: ${why}` })
    }
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    }
  },
}

/** Words with one home (bans.ts). */
const words: Rule = {
  create(context) {
    const path = pathOf(context)
    const place = placeOf(path)
    const banned = new Map(BANS.filter((ban) => !ban.allowed(place, path)).map((ban) => [ban.word, ban.why]))
    const report = (node: Node, word: string): void => {
      const why = banned.get(word)
      if (why) context.report({ node, message: `${word}: ${why}` })
    }
    const isGlobal = (identifier: Node): boolean =>
      context.sourceCode.scopeManager.globalScope?.through.some((ref) => ref.identifier === identifier) ||
      (context.sourceCode.scopeManager.globalScope?.variables.some(
        ({ defs, references }) => defs.length === 0 && references.some((ref) => ref.identifier === identifier),
      ) ??
        false)
    return {
      MemberExpression(node: Node) {
        const object = node['object'] as Node
        const property = node['property'] as Node
        const member = node['computed'] ? property['value'] : property['name']
        if (object.type !== 'Identifier' || !isGlobal(object)) return
        report(node, `${String(object['name'])}.${String(member)}`)
        report(node, String(object['name']))
      },
      NewExpression(node: Node) {
        const callee = node['callee'] as Node
        if (callee['name'] === 'Date' && (node['arguments'] as Node[]).length === 0) report(node, 'new Date()')
      },
      CallExpression(node: Node) {
        const callee = node['callee'] as Node
        if (callee.type !== 'Identifier' || !isGlobal(callee)) return
        report(node, callee['name'] === 'Date' ? 'Date()' : String(callee['name']))
      },
      ImportDeclaration(node: Node) {
        report(node, String((node['source'] as Node)['value']))
        if ((node['source'] as Node)['value'] !== 'node:process') return
        for (const { imported } of node['specifiers'] as { imported?: Node }[])
          if (imported) report(node, `process.${String(imported['name'])}`)
      },
    }
  },
}

/** SQL that changes its meaning, or has a clock of its own (bans.ts); and kysely's word for SELECT *. */
const sql: Rule = {
  create(context) {
    const path = pathOf(context)
    const holdsQueries = /^(services|libs)\//.test(path) && path !== 'libs/postgres/src/describe-schema.ts'
    const check = (node: Node, text: unknown): void => {
      if (!holdsQueries || typeof text !== 'string') return
      for (const { pattern, why } of SQL_BANS) if (pattern.test(text)) context.report({ node, message: why })
    }
    return {
      TaggedTemplateExpression(node: Node) {
        const quasis = (node['quasi'] as { quasis: { value: { raw: string } }[] }).quasis
        check(node, quasis.map(({ value }) => value.raw).join(' ? '))
      },
      Literal(node: Node) {
        if (/^\s*(select|insert|update|delete|with)\b/i.test(String(node['value']))) check(node, node['value'])
      },
      'CallExpression > MemberExpression.callee'(node: Node) {
        if (holdsQueries && (node['property'] as Node)['name'] === 'selectAll') check(node, 'select *')
      },
    }
  },
}

/** Names that say something, and namespaces only where a call should read `peers.save(tx, …)`. */
const names: Rule = {
  create(context) {
    const path = pathOf(context)
    const check = (node: Node): void => {
      const id = node['id'] as Node | null
      if (id && EMPTY_NAMES.test(String(id['name']))) context.report({ node: id, message: EMPTY_NAMES_WHY })
    }
    return {
      ClassDeclaration: check,
      FunctionDeclaration: check,
      TSTypeAliasDeclaration: check,
      TSInterfaceDeclaration: check,
      ImportNamespaceSpecifier(node: Node) {
        const source = String((node['parent'] as { source: Node }).source['value'])
        if (source.startsWith('.') && !/\/store\//.test(source) && !/\/store\//.test(path))
          context.report({
            node,
            message: 'Import names, not namespaces: only store modules read as `peers.save(tx, …)`.',
          })
      },
      ExportAllDeclaration(node: Node) {
        if (!/^libs\/[a-z]+\/src\/(index|testing)\.ts$/.test(path))
          context.report({
            node,
            message: "No index.ts re-exporting a folder: only a lib's one entry may gather names.",
          })
      },
    }
  },
}

export default { meta: { name: 'mesh' }, rules: { imports, words, sql, names } }
