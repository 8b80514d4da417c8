import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ToolFailed, withFile, wordsOf, type Tools } from '../tools.ts'
import { roadsToRemove } from './frr-roads.ts'

const DAEMONS = [
  { name: 'bgpd', of: /^router bgp /m, what: 'BGP' },
  { name: 'staticd', of: / nexthop-vrf /, what: 'routes that leak between tables' },
]

/** FRR of this node, which is the network's alone: its configuration is replaced as a whole. */
export class Frr {
  readonly #tools: Tools
  /** Of several FRR on one machine, the one with this name (`-N`). */
  readonly #pathspace: string | undefined

  constructor(tools: Tools, pathspace: string | undefined) {
    this.#tools = tools
    this.#pathspace = pathspace
  }

  /** Whether its daemons answer. */
  async isThere(): Promise<boolean> {
    const { code, out } = await this.#tools.run('vtysh', [...this.#space, '-c', 'show version'])
    return code === 0 && /FRRouting/.test(out)
  }

  /**
   * Has FRR become what the configuration says: frr-reload.py works out the difference and applies it. The file is where
   * FRR looks for it when it is started again.
   *
   * frr-reload takes away what the file does not mention, also what zebra shows of the kernel: forwarding is mentioned as it is.
   */
  async apply(config: string): Promise<void> {
    const file = join('/etc/frr', this.#pathspace ?? '', 'frr.conf')
    const running = await this.#running()
    const text = whole(config, running)
    const problem = await this.problemOf(text)
    if (problem !== undefined) throw new ToolFailed(problem)
    writeFileSync(file, text, { mode: 0o640 })
    await this.#tools.run('chown', ['frr:frr', file]) // its daemons read it when they are started again
    await this.#removeRoads(running, text)
    await this.#reload(file)
  }

  /** Why FRR would not take a configuration, without loading it; undefined: it would. */
  async problemOf(config: string): Promise<string | undefined> {
    const { code, out, err } = await withFile(config, (path) => this.#tools.run('vtysh', ['-C', '-f', path]))
    return code === 0 ? this.#missingFor(config) : `vtysh -C: ${wordsOf(out + err)}`
  }

  /** What has to run for a configuration and does not: vtysh passes over the lines of a daemon that is not there, and says nothing. */
  async #missingFor(config: string): Promise<string | undefined> {
    const running = (await this.#tools.must('vtysh', [...this.#space, '-c', 'show daemons'])).trim().split(/\s+/)
    const missing = DAEMONS.find(({ name, of }) => of.test(config) && !running.includes(name))
    return missing && `FRR runs no ${missing.name}, for ${missing.what}: see /etc/frr/daemons`
  }

  /** A digest of what runs. */
  async fingerprint(): Promise<string> {
    const lasting = (await this.#running()).split('\n').filter((line) => !/^(Building|Current|!|$)/.test(line))
    return createHash('sha256').update(lasting.join('\n')).digest('hex')
  }

  async json(command: string): Promise<unknown> {
    return JSON.parse(await this.#tools.must('vtysh', [...this.#space, '-c', command])) as unknown
  }

  get #space(): string[] {
    return this.#pathspace === undefined ? [] : ['-N', this.#pathspace]
  }

  #running(): Promise<string> {
    return this.#tools.must('vtysh', [...this.#space, '-c', 'show running-config'])
  }

  async #removeRoads(running: string, wanted: string): Promise<void> {
    const commands = roadsToRemove(running, wanted).flatMap((command) => ['-c', command])
    if (commands.length > 0) await this.#tools.must('vtysh', [...this.#space, ...commands])
  }

  async #reload(file: string): Promise<void> {
    const { code, out, err } = await this.#tools.run('frr-reload.py', ['--reload', '--stdout', ...this.#space, file])
    if (code !== 0) throw new ToolFailed(`frr-reload.py: ${wordsOf(out.slice(-400) + err.slice(-400))}`)
  }
}

/** A configuration with what zebra shows of the kernel, as that is. */
function whole(config: string, running: string): string {
  const body = config === '' ? 'frr defaults traditional\n' : config
  const kept = running.split('\n').filter((line) => /^(no )?(ip|ipv6) forwarding$/.test(line.trim()))
  const missing = kept.filter((line) => !new RegExp(`^${line.trim()}$`, 'm').test(body))
  return missing.length === 0 ? body : `${body}${missing.join('\n')}\n`
}
