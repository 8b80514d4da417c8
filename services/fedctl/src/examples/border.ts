import { ID } from './stand-ins.ts'

/** Lines that people type about what may cross the border, who decides it, and what was written down of it. */
export const BORDER = `
fedctl grant create b --kind NodeModule --scope read --ttl 30d --deliver
fedctl grant create b --kind NodeModule --id ntp --scope read,write --cidr 10.20.0.0/16
fedctl grant list --peer b --status active
fedctl grant show ${ID}
fedctl grant update ${ID} --scope read --dry-run
fedctl grant renew ${ID} --ttl 90d
fedctl grant revoke ${ID} --reason 'no longer used'
fedctl grant revoke --peer b --issued-before 2026-05-01T00:00:00Z --dry-run
fedctl grant check ${ID} --scope read --from 10.20.0.7
fedctl grant received --peer a
fedctl grant settings --set longest_ttl=90d --dry-run
fedctl bridge propose b ${ID}
fedctl bridge list --peer b
fedctl bridge activate ${ID}
fedctl bridge suspend ${ID} --reason maintenance
fedctl bridge resume ${ID}
fedctl bridge revoke ${ID} --dry-run
fedctl capability list --peer b
fedctl capability set b NodeModule --direction push_local_to_remote --policy auto_on_change
fedctl residency set b eu --mode advise
fedctl residency set b --clear
fedctl residency show b
fedctl residency rules
fedctl residency rules add --class personal --allow eu,ch
fedctl residency rules remove ${ID}
fedctl residency region set fr-par-1 --in eu
fedctl residency region remove fr-par-1
fedctl residency mode enforce --home-region eu --dry-run
fedctl residency what-if --class personal --allow eu --since 30d
fedctl residency override create b --kind NodeModule --id ntp --ttl 1h --reason 'inspection on site'
fedctl residency override list --peer b
fedctl residency override revoke ${ID}
fedctl resource kinds
fedctl resource list --peer b --kind NodeModule
fedctl resource show NodeModule ntp --peer b
fedctl resource put NodeModule ntp --set name=ntp --set version=4.2.8
fedctl resource remove NodeModule ntp
fedctl resource update NodeModule ntp --peer b --set version=4.2.9
fedctl resource watch --peer b --kind NodeModule
fedctl approval list --state pending
fedctl approval show ${ID}
fedctl approval approve ${ID} --reason 'ticket 812'
fedctl approval reject ${ID} --reason 'ask again on Monday'
fedctl approval halt --reason 'something acts strangely'
fedctl approval resume
fedctl approval status
fedctl policy list
fedctl policy set sdwan.federation_peer_revoke require_approval --approvers 2
fedctl operator list
fedctl operator show olga
fedctl operator set olga --role operator
fedctl operator remove olga
fedctl operator roles
fedctl operator role set night-watch --permission system.federation.read
fedctl operator role remove night-watch
fedctl operator whoami
fedctl operator token olga --certificate ./machine/cert.pem --ttl 1h
fedctl why ${ID}
fedctl why --peer b --kind NodeModule --scope read
`

/** Lines that people type about the ledger, events, and what is wrong. */
export const WATCHING = `
fedctl audit status b
fedctl audit log b --newest --limit 20
fedctl audit log b --since 1h --follow
fedctl audit get b/17
fedctl audit prove b/17 --out b-17.tlog-proof
fedctl audit verify ./export/b --policy ./export/b/policy
fedctl audit verify --log b
fedctl audit reconcile b --since 24h
fedctl audit export b --to ./export/b --payloads
fedctl audit excerpts b --since 1h
fedctl audit receipt b ${ID}
fedctl audit erase b 17 20-25 --reason 'asked for by the person concerned' --dry-run
fedctl audit prune b --below 100000 --reason 'kept for two years' --dry-run
fedctl audit keys --vkeys
fedctl audit alarms
fedctl audit alarms --settle ${ID} --note 'restored from a backup'
fedctl events list --since 1h --severity high
fedctl events watch --kind federation.peer. --peer b
fedctl signal list --peer b
fedctl remediation list --peer b
fedctl remediation show ${ID}
fedctl remediation status
fedctl remediation run b --dry-run
fedctl remediation pause --reason 'we replace the router'
fedctl remediation observe --reason 'a new policy is tried'
fedctl remediation resume
fedctl remediation settings --budget 50 --dry-run
fedctl finding list --new
fedctl finding show ${ID}
fedctl finding ack ${ID} --note 'ticket 812'
fedctl finding scan --peer b
fedctl commitment list --peer b
fedctl version list b
fedctl version rules
fedctl version set 1.4 1.2 degraded --refuse NodeModule --notes 'modules changed'
fedctl version remove 1.4 1.2
fedctl version simulate 2.0.0
fedctl notice declare 'our signing host was broken into' --affected keys,grants --discovered 2h --dry-run
fedctl notice list --direction received
fedctl notice show ${ID}
fedctl review run
fedctl review list
fedctl review show
fedctl slo b --window 7d
fedctl doctor --all
fedctl doctor peer b
fedctl status
fedctl completion bash
`
