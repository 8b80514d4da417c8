import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { contentOf, inputsOf, momentOf } from './inputs.ts'

/** Where bundles are made from, of what, and where they are kept. */
export type Workshop = {
  readonly root: string
  readonly services: readonly string[]
  readonly dir: string
  readonly builder: string
}

/** What the services were when a build was last found to be of them. */
type Latest = {
  readonly key: string
  readonly builtBy: string
  readonly moments: Readonly<Record<string, string>>
}

/** A service that is being started still reads its own; the others may go. */
const KEPT = 6

const making = new Map<string, Promise<string>>()

/** The folder with bundles of the services as they are at this moment; makes them when there are none. */
export async function latestBuild(workshop: Workshop): Promise<string> {
  const { dir } = workshop
  const latest = readLatest(dir)
  if (latest && isCurrent(latest, workshop)) return join(dir, latest.key)
  const begun = making.get(dir) ?? renew(workshop).finally(() => making.delete(dir))
  making.set(dir, begun)
  return begun
}

const isCurrent = ({ builtBy, moments }: Latest, { root, builder }: Workshop): boolean =>
  builtBy === momentOf(builder) &&
  Object.entries(moments).every(([path, moment]) => momentOf(join(root, path)) === moment)

/**
 * Two processes may do this at a time: what they make has one name when it is the same, comes to it whole, and the later one
 * finds it there. MUST hold also while somebody edits: the moments are those from before the files were read.
 */
async function renew({ root, services, dir, builder }: Workshop): Promise<string> {
  mkdirSync(dir, { recursive: true })
  const builtBy = momentOf(builder)
  const inputs = inputsOf(root)
  const moments = new Map(inputs.map((path) => [path, momentOf(join(root, path))]))
  const key = contentOf(root, inputs, builder)
  const build = join(dir, key)
  if (!existsSync(build)) {
    const draft = mkdtempSync(join(dir, 'draft-'))
    try {
      await promisify(execFile)(process.execPath, [builder, root, draft, ...services])
      const changed = bundledIn(draft).filter((path) => momentOf(join(root, path)) !== moments.get(path))
      if (changed.length > 0) throw new Error(`changed at the same time: ${changed.join(', ')}`)
      moveTo(build, draft)
    } finally {
      rmSync(draft, { recursive: true, force: true })
    }
  }
  const now = new Date()
  utimesSync(build, now, now) // one that was made long ago, and is wanted again, is not an old one
  const seen = bundledIn(build).map((path) => [path, moments.get(path) ?? 'gone'])
  const latest: Latest = { key, builtBy, moments: Object.fromEntries(seen) }
  const draft = join(dir, `latest-${process.pid}.json`)
  writeFileSync(draft, JSON.stringify(latest))
  renameSync(draft, join(dir, 'latest.json'))
  removeOld(dir)
  return build
}

const bundledIn = (build: string): readonly string[] => JSON.parse(readFileSync(join(build, 'inputs.json'), 'utf8'))

function moveTo(build: string, draft: string): void {
  try {
    renameSync(draft, build)
  } catch (error) {
    if (!existsSync(build)) throw error // else another process came first with the same
  }
}

function readLatest(dir: string): Latest | undefined {
  const file = join(dir, 'latest.json')
  if (!existsSync(file)) return undefined
  const latest: Latest = JSON.parse(readFileSync(file, 'utf8'))
  return existsSync(join(dir, latest.key)) ? latest : undefined
}

/** Drafts of processes that were killed among them. */
function removeOld(dir: string): void {
  const madeAt = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const builds = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  const paths = builds.map(({ name }) => join(dir, name)).sort((a, b) => madeAt(b) - madeAt(a))
  for (const path of paths.slice(KEPT)) rmSync(path, { recursive: true, force: true })
}
