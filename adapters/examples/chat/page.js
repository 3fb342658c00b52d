'use strict';
const by = id => document.getElementById(id);
const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
let socket;
let failures = 0;

function connect() {
  let opened = false;
  socket = new WebSocket(`${scheme}://${location.host}/chat`, 'chat');
  socket.onopen = () => {
    opened = true;
    failures = 0;
    by('state').textContent = 'open';
    by('send').disabled = false;
  };
  socket.onmessage = ({ data }) => {
    const item = document.createElement('li');
    item.textContent = data;
    by('messages').append(item);
  };
  socket.onclose = ({ code, wasClean }) => {
    if (opened) {
      by('state').textContent = `closed ${code}${wasClean ? '' : ', not cleanly'}`;
      by('send').disabled = true;
    }
    // Wait longer after each failure, and not as long as every other page does.
    const longest = Math.min(30_000, 500 * 2 ** failures++);
    setTimeout(connect, longest * (0.5 + Math.random() / 2));
  };
}

by('form').onsubmit = event => {
  event.preventDefault();
  if (by('text').value !== '' && socket.readyState === WebSocket.OPEN) {
    socket.send(by('text').value);
    by('text').value = '';
  }
};

connect();
