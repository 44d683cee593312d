import { alsoSticky, asDocumented, bare, hidesTheHost, idle, keepsConnections, noWebsocketsOverHttp2 } from './checks.mjs';

asDocumented('nginx');
asDocumented('nginx', { title: 'with proxy_buffering off', edits: [[/proxy_read_timeout/, 'proxy_buffering off; proxy_read_timeout']] });
bare('nginx');
idle('nginx');
keepsConnections('nginx');
noWebsocketsOverHttp2('nginx');
hidesTheHost('nginx', [/proxy_set_header Host .*/, ''], false);
alsoSticky('nginx', 'ip_hash', [[/hash .*/, 'ip_hash;']], true);
alsoSticky('nginx', "a hash of the relay's own cookie", [[/hash .*/, 'hash $cookie_io consistent;']], false);
