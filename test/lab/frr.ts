import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { roadsToRemove } from '../../services/node-agent/src/network/back-ends/frr-roads.ts'
import { eventually } from '../eventually.ts'
import { must, run, type LabNode } from './lab.ts'

/** FRR of one node: zebra, staticd and bgpd in a pathspace that bears the namespace's name. */
export type Frr = {
  readonly pathspace: string
  /** The configuration that the daemons were started with, and frr-reload is handed. */
  readonly configFile: string
  vtysh(...commands: string[]): Promise<string>
  json(command: string): Promise<unknown>
  /** What is loaded in place of what runs, as the agent does. */
  reload(config: string): Promise<void>
  /** Ends bgpd, as a crash would. */
  killBgpd(): void
  startBgpd(): Promise<void>
}

/**
 * Starts them in a node. With `netnsVrfs` the machine's namespaces are VRFs to zebra, which stands for the kernel's
 * own where the kernel has none; it then sees those of everybody on the machine.
 */
export async function startFrr(
  node: LabNode,
  config = 'frr defaults datacenter\n',
  { netnsVrfs = false }: { readonly netnsVrfs?: boolean } = {},
): Promise<Frr> {
  const pathspace = node.netns
  const etc = `/etc/frr/${pathspace}`
  const sockets = `/var/run/frr/${pathspace}`
  await must('install', ['-d', '-o', 'frr', '-g', 'frr', '-m', '755', etc, sockets])
  const configFile = `${etc}/frr.conf`
  writeFileSync(configFile, config)
  writeFileSync(`${etc}/vtysh.conf`, '')
  await must('chown', ['-R', 'frr:frr', etc])
  const daemon = async (name: 'zebra' | 'staticd' | 'bgpd', ...args: string[]) => {
    const child = await node.start(name, name, ['-N', pathspace, '-f', configFile, '--log', 'stdout', ...args])
    await eventually(() => Promise.resolve(existsSync(`${sockets}/${name}.vty`)), Boolean)
    return child
  }
  await daemon('zebra', ...(netnsVrfs ? ['-n'] : []))
  await eventually(() => Promise.resolve(existsSync(`${sockets}/zserv.api`)), Boolean)
  await daemon('staticd')
  // Port 0 with -p would keep it from listening: each namespace has a port 179 of its own.
  let bgpd = await daemon('bgpd')
  const vtysh = (...commands: string[]) => must('vtysh', ['-N', pathspace, ...commands.flatMap((each) => ['-c', each])])
  return {
    pathspace,
    configFile,
    vtysh,
    json: async (command) => JSON.parse(await vtysh(command)) as unknown,
    async reload(wanted) {
      const gone = roadsToRemove(await vtysh('show running-config'), wanted)
      if (gone.length > 0) await vtysh(...gone)
      writeFileSync(configFile, wanted)
      await must('/usr/lib/frr/frr-reload.py', ['--reload', '-N', pathspace, configFile])
    },
    killBgpd: () => bgpd.kill(),
    async startBgpd() {
      rmSync(`${sockets}/bgpd.vty`, { force: true })
      bgpd = await daemon('bgpd')
    },
  }
}

/** Whether vtysh would take a configuration; else what it says of it. */
export async function frrAccepts(file: string): Promise<string | undefined> {
  const { code, out, err } = await run('vtysh', ['-C', '-f', file])
  return code === 0 ? undefined : `${out}${err}`
}
