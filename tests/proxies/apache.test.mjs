import { asDocumented, bare, hidesTheHost, idle, keepsConnections, noWebsocketsOverHttp2, websocketsOverHttp2 } from './checks.mjs';

asDocumented('apache2');
bare('apache2');
idle('apache2');
keepsConnections('apache2');
noWebsocketsOverHttp2('apache2');
websocketsOverHttp2('apache2', [[/Protocols h2/, 'H2WebSockets on\n Protocols h2']]);
hidesTheHost('apache2', [/ProxyPreserveHost On/, ''], true);
