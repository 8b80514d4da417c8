import type { JsonObject } from '@bufbuild/protobuf'
import { Command } from '@commander-js/extra-typings'
import { InvalidArgumentError } from 'commander'
import type { Run } from '../invoke.ts'
import { dryRun, fields, wait } from '../options.ts'
import { plainOffer } from '../plain-offer.ts'
import { providerTable } from '../render/providers.ts'
import { recordFrom } from '../said.ts'
import { bytes, whole } from '../values.ts'
import { present, written } from '../written.ts'

export const providerCreate = (run: Run) =>
  new Command('create')
    .description('something that makes instances, with the places and the sizes it offers')
    .argument('<name>', 'small letters, digits and hyphens')
    .requiredOption('--kind <kind>', 'one that spawn-provisioner was built with: process, qemu')
    .option('--config <file>', 'JSON or YAML, - for stdin: what docs/providers.md says of the kind')
    .addOption(fields())
    .option('--region <name[=residency]>', 'a place, and the residency region it lies in; can be repeated', region, [])
    .option('--type <name=cpus,memory[,disk]>', 'a size: small=1,1GiB,8GiB; can be repeated', instanceType, [])
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, options) => {
        const { kind, config: file, set, region: regions, type: instanceTypes } = options
        const config = recordFrom(session, file, set) as JsonObject // JSON, YAML and pairs make nothing else
        const said = { name, kind, config, regions, instanceTypes, dryRun: options.dryRun === true }
        const answer = await session.clients.spawning.createProvider(said)
        const offer = { ...answer, provider: present(answer.provider, 'a provider') }
        return written({
          dryRun: options.dryRun,
          data: { provider: plainOffer(offer) },
          text: (canvas) => providerTable([offer], canvas),
          openItems: offer.provider.status === 'ready' ? [] : [offer.provider.status],
        })
      }),
    )

type NewRegion = { readonly name: string; readonly residency: string }
type NewType = {
  readonly name: string
  readonly cpus: number
  readonly memoryBytes: bigint
  readonly diskBytes: bigint
}

function region(text: string, before: readonly NewRegion[]): NewRegion[] {
  const [, name, residency = ''] = /^([^=]+)(?:=(.+))?$/.exec(text) ?? []
  if (name === undefined) throw new InvalidArgumentError('A region looks like fra-1, or fra-1=eu.')
  return [...before, { name, residency }]
}

function instanceType(text: string, before: readonly NewType[]): NewType[] {
  const [, name, cpus, memory, disk] = /^([^=]+)=(\d+),([^,]+)(?:,([^,]+))?$/.exec(text) ?? []
  if (name === undefined || cpus === undefined || memory === undefined)
    throw new InvalidArgumentError('A type looks like small=1,1GiB or small=1,1GiB,8GiB.')
  const diskBytes = disk === undefined ? 0n : bytes(disk)
  return [...before, { name, cpus: whole(cpus), memoryBytes: bytes(memory), diskBytes }]
}
