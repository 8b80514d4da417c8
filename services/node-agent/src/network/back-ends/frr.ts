import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ToolFailed, withFile, wordsOf, type Tools } from '../tools.ts'

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
    const text = await this.#whole(config)
    const problem = await this.problemOf(text)
    if (problem !== undefined) throw new ToolFailed(`vtysh -C: ${problem}`)
    writeFileSync(file, text, { mode: 0o640 })
    await this.#tools.run('chown', ['frr:frr', file]) // its daemons read it when they are started again
    await this.#reload(file)
  }

  /** What vtysh says of a configuration without loading it; undefined: it would take it. */
  problemOf(config: string): Promise<string | undefined> {
    return withFile(config, async (path) => {
      const { code, out, err } = await this.#tools.run('vtysh', ['-C', '-f', path])
      return code === 0 ? undefined : wordsOf(out + err)
    })
  }

  /** A digest of what runs. */
  async fingerprint(): Promise<string> {
    const running = await this.#tools.must('vtysh', [...this.#space, '-c', 'show running-config'])
    const lasting = running.split('\n').filter((line) => !/^(Building|Current|!|$)/.test(line))
    return createHash('sha256').update(lasting.join('\n')).digest('hex')
  }

  async json(command: string): Promise<unknown> {
    return JSON.parse(await this.#tools.must('vtysh', [...this.#space, '-c', command])) as unknown
  }

  get #space(): string[] {
    return this.#pathspace === undefined ? [] : ['-N', this.#pathspace]
  }

  async #whole(config: string): Promise<string> {
    const body = config === '' ? 'frr defaults traditional\n' : config
    const running = await this.#tools.must('vtysh', [...this.#space, '-c', 'show running-config'])
    const kept = running.split('\n').filter((line) => /^(no )?(ip|ipv6) forwarding$/.test(line.trim()))
    const missing = kept.filter((line) => !new RegExp(`^${line.trim()}$`, 'm').test(body))
    return missing.length === 0 ? body : `${body}${missing.join('\n')}\n`
  }

  async #reload(file: string): Promise<void> {
    const { code, out, err } = await this.#tools.run('frr-reload.py', ['--reload', '--stdout', ...this.#space, file])
    if (code !== 0) throw new ToolFailed(`frr-reload.py: ${wordsOf(out.slice(-400) + err.slice(-400))}`)
  }
}
