'use strict';
const by = id => document.getElementById(id);
const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
const socket = new WebSocket(`${scheme}://${location.host}/chat`, 'chat');
socket.onopen = () => {
  by('state').textContent = 'open';
  by('send').disabled = false;
};
socket.onmessage = ({ data }) => {
  const item = document.createElement('li');
  item.textContent = data;
  by('messages').append(item);
};
socket.onclose = ({ code, wasClean }) => {
  by('state').textContent = `closed ${code}${wasClean ? '' : ', not cleanly'}`;
  by('send').disabled = true;
};
by('form').onsubmit = event => {
  event.preventDefault();
  if (by('text').value !== '') {
    socket.send(by('text').value);
    by('text').value = '';
  }
};
