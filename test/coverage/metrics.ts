import { production } from './sources.ts'

export type Kind = 'counter' | 'gauge' | 'histogram'

/** A metric as the code declares it. */
export type Declared = {
  readonly name: string
  readonly kind: Kind
  readonly help: string
  readonly labels: readonly string[]
  /** The services that export it; libraries count as whoever uses them: `all`. */
  readonly of: string
  readonly path: string
}

const DECLARATION =
  /\.(counter|gauge|histogram)(?:<[^>]*>)?\(\s*'(fed_\w+)',\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\w+))\s*(?:,\s*(?:\[([^\]]*)\]|(\w+)))?/g

/** Every metric of ours, wherever it is declared. */
export function declaredMetrics(): readonly Declared[] {
  return production('{services,libs}/*/src/**/*.ts').flatMap(({ path, text }) =>
    Array.from(
      text.matchAll(DECLARATION),
      ([, kind, name = '', single, double, helpName, list, listName]): Declared => {
        const [top, owner = ''] = path.split('/')
        return {
          name,
          kind: kind === 'counter' || kind === 'gauge' ? kind : 'histogram',
          help: single ?? double ?? named(text, helpName) ?? '',
          labels: words(list ?? named(text, listName) ?? ''),
          of: top === 'libs' ? 'all' : owner,
          path,
        }
      },
    ),
  )
}

/** Names that are written in full, so that nothing is declared past the pattern above. */
export const mentionedMetrics = (): ReadonlySet<string> =>
  new Set(
    production('{services,libs}/*/src/**/*.ts').flatMap(({ text }) =>
      Array.from(text.matchAll(/['"`](fed_[a-z_]+)['"`]/g), ([, name = '']) => name),
    ),
  )

/** What a constant of the same file says: a text, or a list. */
function named(text: string, name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const [, list, single] = new RegExp(`const ${name} =\\s*(?:\\[([^\\]]*)\\]|'([^']*)')`).exec(text) ?? []
  return list ?? single
}

const words = (list: string): string[] => Array.from(list.matchAll(/'(\w+)'/g), ([, word = '']) => word)

/** What a query asks for: a name, and the labels it chooses by. Recorded names have colons. */
export type Asked = { readonly name: string; readonly labels: readonly string[] }

export function askedIn(query: string): Asked[] {
  return Array.from(query.matchAll(/\b(fed[_:][\w:]+)(?:\{([^}]*)\})?/g), ([, name = '', matchers = '']) => ({
    name,
    labels: Array.from(matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g), ([, label = '']) => label),
  }))
}
