import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const BUILD = fileURLToPath(new URL('../../../qemu/build.ts', import.meta.url))

/** Makes what virtual machines start from, unless there is one of this checkout already; `say` hears what it is doing. */
export async function buildImage(cache: string, say: (doing: string) => void, signal: AbortSignal): Promise<string> {
  const stdio = ['ignore', 'pipe', 'pipe'] as const
  const building = spawn(process.execPath, [BUILD, '--cache', cache], { stdio: [...stdio], signal })
  const image = text(building.stdout)
  let last = ''
  createInterface(building.stderr).on('line', (line) => {
    last = line
    say(line.replace(/^image: /, ''))
  })
  const [code] = (await once(building, 'close')) as [number | null]
  if (code !== 0) throw new Error(last || `the image could not be built: ${BUILD} ended with ${code}`)
  return (await image).trim()
}
