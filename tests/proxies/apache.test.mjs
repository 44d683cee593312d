import { asDocumented, bare, hidesTheHost, idle, keepsConnections, noWebsocketsOverHttp2 } from './checks.mjs';

asDocumented('apache2');
bare('apache2');
idle('apache2');
keepsConnections('apache2');
noWebsocketsOverHttp2('apache2');
hidesTheHost('apache2', [/ProxyPreserveHost On/, ''], true);
