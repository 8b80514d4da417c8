import { isBuiltin } from 'node:module'
import type { Plugin } from 'rolldown'

/**
 * Builtins that hold nothing of the process that loads them, and may be looked at while a snapshot is made. Every other one is
 * reached only in the machine that the snapshot is started in: what draws randomness, opens sockets or keeps keys above all.
 */
const HARMLESS: ReadonlySet<string> = new Set(
  (
    'assert async_hooks buffer child_process cluster diagnostics_channel events fs fs/promises module os path perf_hooks process ' +
    'querystring stream stream/consumers stream/promises stream/web string_decoder timers timers/promises url util util/types v8 ' +
    'worker_threads'
  ).split(' '),
)

export const isHarmless = (id: string): boolean => isBuiltin(id) && HARMLESS.has(bare(id))

/** What a snapshot imports to be able to say that it has been started: `begin()`. */
export const BEGINNING = 'virtual:beginning'

/**
 * Has the other builtins loaded when the machine begins, and not while its snapshot is made.
 *
 * MUST hold, since all children of an image start from one snapshot: nothing random is drawn for it, and no key is made. So whoever
 * calls one of those builtins too early gets an error, and there is no snapshot; whoever only keeps a function of it for later gets
 * one that looks for it then. What is constant is known from the node that bundles, which is the node of the guest.
 */
export function lateBuiltins(): Plugin {
  return {
    name: 'builtins that are loaded when the machine begins',
    resolveId(id, _importer, { kind }) {
      if (id === BEGINNING) return `\0${BEGINNING}`
      if (!isBuiltin(id) || isHarmless(id)) return null
      return kind === 'require-call' ? `\0required:${bare(id)}.cjs` : `\0imported:${bare(id)}`
    },
    async load(id) {
      if (id === `\0${BEGINNING}`) return BEGIN
      const [, how, name] = /^\0(required|imported):(.*?)(?:\.cjs)?$/.exec(id) ?? []
      if (how === undefined || name === undefined) return null
      const members: Record<string, unknown> = await import(/* @vite-ignore */ `node:${name}`)
      return { code: how === 'required' ? required(name, members) : imported(name, members), moduleType: 'js' }
    },
  }
}

const bare = (id: string) => id.replace(/^node:/, '')

const BEGIN = `
export const waiting = []
export function begin() {
  globalThis.__begun = true
  for (const load of waiting) load()
}`

/** An ES module whose exports change when the machine begins: every importer sees them change with it. */
function imported(name: string, members: Record<string, unknown>): string {
  const names = Object.keys(members).filter((key) => key !== 'default')
  const first = (key: string) => {
    if (isConstant(key, members[key])) return JSON.stringify(members[key])
    return isPlainFunction(key, members[key]) ? `(...given) => here().${key}(...given)` : 'undefined'
  }
  return `
import { waiting } from '${BEGINNING}'
let whole
const here = () => { if (!whole) throw new Error('node:${name} was used while the snapshot was made'); return whole }
${names.map((key) => `let _${key} = ${first(key)}`).join('\n')}
waiting.push(() => {
  whole = process.getBuiltinModule('node:${name}')
  ${names.map((key) => `_${key} = whole.${key}`).join('\n  ')}
})
export { whole as default, ${names.map((key) => `_${key} as ${key}`).join(', ')} }`
}

/** For CommonJS, which takes members out when it is loaded. */
function required(name: string, members: Record<string, unknown>): string {
  const all = Object.entries(members)
  const constants = Object.fromEntries(all.filter(([key, value]) => isConstant(key, value)))
  const functions = all.filter(([key, value]) => isPlainFunction(key, value)).map(([key]) => key)
  return `
const constants = ${JSON.stringify(constants)}, functions = new Set(${JSON.stringify(functions)})
let whole
const here = () => {
  if (!globalThis.__begun) throw new Error('node:${name} was used while the snapshot was made')
  return (whole ??= process.getBuiltinModule('node:${name}'))
}
${LATE}
module.exports = new Proxy({}, { get(_, key) {
  if (globalThis.__begun) return here()[key]
  if (Object.hasOwn(constants, key)) return constants[key]
  if (functions.has(key)) return (...given) => here()[key](...given)
  return key === 'webcrypto' ? late(() => here()[key]) : here()[key]
} })`
}

/** An object that there will be: it may be kept, and its members too. Called or read too early, it is of no use. */
export const LATE = `
const late = (of) => new Proxy({}, { get(_, key) {
  if (!globalThis.__begun) return late(() => of()[key])
  const [from, member] = [of(), of()[key]]
  return typeof member === 'function' ? member.bind(from) : member
} })`

const isConstant = (key: string, value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'number' || key === 'constants'

/** A class begins with a capital, and has to be the one that there will be. */
const isPlainFunction = (key: string, value: unknown): boolean => typeof value === 'function' && /^[a-z]/.test(key)
