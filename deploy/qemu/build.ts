/**
 * Makes the image that the children of a `qemu` provider start from, in the cache; does nothing when there is one of this checkout.
 *
 *   node deploy/dev/run.mjs deploy/qemu/build.ts [--cache DIR]
 *
 * Needs no root. Prints the image's directory on stdout, and what it is doing on stderr.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '@powernode/clock'
import { explain } from '../dev/src/explain.ts'
import { makeImage } from './image.ts'
import { findTools } from './tools.ts'
import { tryOut } from './trial.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

try {
  const { values } = parseArgs({ options: { cache: { type: 'string', default: join(ROOT, '.cache') } } })
  const path = process.env['PATH'] ?? ''
  const tools = findTools(path)
  const progress = (doing: string) => void process.stderr.write(`image: ${doing}\n`)
  const trial = (image: string, work: string) => tryOut({ image, work, path })
  const { dir } = await makeImage({ root: ROOT, cache: values.cache, tools, progress, trial, clock: systemClock })
  process.stdout.write(`${dir}\n`)
} catch (error) {
  process.stderr.write(`no image: ${explain(error)}\n`)
  process.exitCode = 1
}
