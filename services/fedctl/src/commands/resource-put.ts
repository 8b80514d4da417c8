import type { JsonObject } from '@bufbuild/protobuf'
import { Command } from '@commander-js/extra-typings'
import { ResourceSchema } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, fields, revision, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { resourceSheet } from '../render/resources.ts'
import { recordFrom } from '../said.ts'
import { present, written } from '../written.ts'

export const resourcePut = (run: Run) =>
  new Command('put')
    .description('put a record into our own catalogue, or replace the one that is there')
    .argument('<kind>', 'for example NodeModule (see: fedctl resource kinds)')
    .argument('<id>', 'its id; compared byte by byte')
    .option('-f, --file <file>', 'the record as JSON or YAML; - reads it from stdin')
    .addOption(fields())
    .option('--region <region>', "where it lives (default: the kind's)", '')
    .option('--class <class>', "what sort of data it is (default: the kind's)", '')
    .addOption(revision())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, kind, id, options) => {
        if (options.file === undefined && options.set === undefined)
          throw usage('where is the record?', '-f record.yaml, or --set name=value')
        // Put when the call returns: there is nothing to wait for.
        const answer = await session.clients.catalogue.putResource({
          kind,
          id,
          record: recordFrom(session, options.file, options.set) as JsonObject, // of JSON, YAML's plain values and pairs
          region: options.region,
          dataClass: options.class,
          ifRevision: options.ifRevision ?? 0n,
          dryRun: options.dryRun === true,
        })
        const resource = present(answer.resource, 'a resource')
        return written({
          dryRun: options.dryRun,
          data: { resource: plain(ResourceSchema, resource) },
          text: (canvas) => resourceSheet(resource, canvas),
        })
      }),
    )
