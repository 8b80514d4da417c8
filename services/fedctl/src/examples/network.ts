import { HUB, ID, WEB } from './stand-ins.ts'

/** Lines that people type about the network: what is wanted of it, what follows, and what is there. */
export const NETWORK = `
fedctl net create lab --routing ibgp
fedctl net list
fedctl net show lab
fedctl net update lab --set mtu=1380 --dry-run
fedctl net delete lab --cascade --dry-run
fedctl net plan -f network.yaml --out plan.json
fedctl net apply --plan plan.json
fedctl net apply -f network.yaml --dry-run
fedctl net export --network lab
fedctl net compile lab/hub-1
fedctl net why hub-1 web-1 tcp/443
fedctl net test
fedctl net test add db --src web-1 --accept db-1:tcp/5432 --deny db-1:tcp/22
fedctl net test list
fedctl net test remove db
fedctl net topology lab --svg
fedctl net routes lab
fedctl net nodes
fedctl net problems lab
fedctl net rekey lab --reason 'a node was stolen'
fedctl net compose edge --hub hub-1=${HUB}@192.0.2.1:51820 --spoke web-1=${WEB} --routing ibgp --dry-run
fedctl net member add lab hub-1 --node ${HUB} --hub --endpoint 192.0.2.1:51820
fedctl net member add lab web-1 --node ${WEB} --tag web
fedctl net member list --network lab
fedctl net member show lab/web-1
fedctl net member update lab/hub-1 --set endpoint_port=51821
fedctl net member remove lab/web-1 --dry-run
fedctl net firewall add lab web-in --action accept --dst tag:web --protocol tcp --ports 443
fedctl net firewall list --network lab
fedctl net firewall show lab/web-in
fedctl net firewall update lab/web-in --set priority=50
fedctl net firewall remove lab/web-in --dry-run
fedctl net nat add lab/hub-1 --port 8443 --to member:web-1 --to-port 443 --protocol tcp
fedctl net nat list --network lab
fedctl net nat show lab/hub-1/tcp-8443
fedctl net nat update lab/hub-1/tcp-8443 --set enabled=false
fedctl net nat remove lab/hub-1/tcp-8443
fedctl net vip add lab db --address fd7f:123f:8cc5::53/128 --holder db-1 --failover db-2
fedctl net vip list --network lab
fedctl net vip show lab/db
fedctl net vip update lab/db --set advertised_local_pref=200
fedctl net vip remove lab/db --dry-run
fedctl net vip failover lab/db --dry-run
fedctl net route-policy add -f route-policy.yaml
fedctl net route-policy list
fedctl net route-policy show from-peers
fedctl net route-policy update from-peers -f route-policy.yaml
fedctl net route-policy remove from-peers
fedctl net leak add --set source_network_id=lab --set dest_network_id=office
fedctl net leak list --network lab
fedctl net leak show lab-to-office
fedctl net leak update lab-to-office --set direction=bidirectional
fedctl net leak remove lab-to-office
fedctl net bgp add --set default_local_pref=100
fedctl net bgp list
fedctl net bgp show bgp
fedctl net bgp update bgp --set default_local_pref=200
fedctl net bgp remove bgp --dry-run
fedctl net access set b --network lab --gateway hub-1 --accept fd00:2::/48
fedctl net access preview b --prefix fd00:2::/48
fedctl net access list
fedctl net access show b
fedctl net access remove b --dry-run
fedctl net tenant isolate acme --nb tcp:192.0.2.9:6641 --sb tcp:192.0.2.9:6642 --dry-run
fedctl net tenant list
fedctl net ovn deployment add --set name=tenants --set nb_db_endpoint=tcp:192.0.2.9:6641
fedctl net ovn deployment list
fedctl net ovn deployment show tenants
fedctl net ovn deployment update tenants --set sb_db_endpoint=tcp:192.0.2.9:6642
fedctl net ovn deployment remove tenants --cascade --dry-run
fedctl net ovn switch add --in tenants --set name=acme --set cidr=10.1.0.0/24
fedctl net ovn switch list
fedctl net ovn switch show tenants/acme
fedctl net ovn switch update tenants/acme --set cidr=10.1.0.0/23
fedctl net ovn switch remove tenants/acme --cascade --dry-run
fedctl net ovn port add --in tenants/acme --set name=db --set kind=container
fedctl net ovn port list
fedctl net ovn port show tenants/acme/db
fedctl net ovn port update tenants/acme/db --set kind=vm
fedctl net ovn port remove tenants/acme/db
fedctl net ovn acl add --in tenants/acme -f acl.yaml
fedctl net ovn acl list
fedctl net ovn acl show tenants/acme/web-in
fedctl net ovn acl update tenants/acme/web-in --set priority=900
fedctl net ovn acl remove tenants/acme/web-in
fedctl net ovn give-up tenants --node ${ID} --reason 'the rack burnt down'
fedctl net vrf list --network lab
fedctl net run list
fedctl net run show ${ID}
fedctl net run rollback ${ID} --dry-run
`
