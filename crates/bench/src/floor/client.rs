//! One client of the floor.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::event::epoll::{self, EventData, EventFlags};

use crate::wire::event;
use crate::wire::frame::{Header, apply_mask, write_server_text};
use crate::wire::http::{head_bytes, upgrade_response};

/// A socket, and what of a message or for a full socket is left over.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    token: u64,
    is_upgraded: bool,
    /// Connected to the namespace: it gets events.
    pub(crate) is_member: bool,
    /// The start of a request or a frame whose rest has not come. Empty takes no memory.
    partial: Vec<u8>,
    /// What a full socket did not take, and how much of the first it did.
    backlog: VecDeque<Rc<[u8]>>,
    written: usize,
}

impl Client {
    pub(crate) fn new(epoll: &OwnedFd, stream: TcpStream, token: u64) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        epoll::add(epoll, &stream, EventData::new_u64(token), EventFlags::IN)?;
        Ok(Self {
            stream,
            token,
            is_upgraded: false,
            is_member: false,
            partial: Vec::new(),
            backlog: VecDeque::new(),
            written: 0,
        })
    }

    /// Reads once, answers what concerns only this client, and hands each event on, framed for all.
    pub(crate) fn read(&mut self, buffer: &mut [u8], mut on_event: impl FnMut(Rc<[u8]>)) -> io::Result<()> {
        let bytes = match self.stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => buffer.get_mut(..bytes).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.partial.is_empty() && self.is_upgraded {
            let taken = self.take_frames(bytes, &mut on_event)?;
            self.partial.extend_from_slice(bytes.get(taken..).unwrap_or_default());
            return Ok(());
        }
        let mut gathered = std::mem::take(&mut self.partial);
        gathered.extend_from_slice(bytes);
        let mut taken = 0;
        if !self.is_upgraded {
            let Some(head) = head_bytes(&gathered) else {
                self.partial = gathered;
                return Ok(());
            };
            self.accept(gathered.get(..head).unwrap_or_default())?;
            taken = head;
        }
        taken += self.take_frames(gathered.get_mut(taken..).unwrap_or_default(), &mut on_event)?;
        gathered.drain(..taken);
        // Not the buffer itself, which may be large.
        self.partial = gathered.as_slice().to_vec();
        Ok(())
    }

    /// Writes these frames in one call, or puts them behind what waits already.
    pub(crate) fn write(&mut self, epoll: &OwnedFd, frames: &[Rc<[u8]>], slices: &[IoSlice<'_>]) -> io::Result<()> {
        if !self.backlog.is_empty() {
            self.backlog.extend(frames.iter().cloned());
            return Ok(());
        }
        let mut written = match slices {
            [one] => self.stream.write(one),
            many => self.stream.write_vectored(many),
        }
        .or_else(|error| if error.kind() == ErrorKind::WouldBlock { Ok(0) } else { Err(error) })?;
        for frame in frames {
            if self.backlog.is_empty() && written >= frame.len() {
                written -= frame.len();
            } else {
                self.backlog.push_back(Rc::clone(frame));
            }
        }
        if !self.backlog.is_empty() {
            self.written = written;
            self.watch(epoll, EventFlags::IN | EventFlags::OUT)?;
        }
        Ok(())
    }

    /// Writes what waits, now that the socket takes something.
    pub(crate) fn flush(&mut self, epoll: &OwnedFd) -> io::Result<()> {
        while let Some(frame) = self.backlog.front() {
            match self.stream.write(frame.get(self.written..).unwrap_or_default()) {
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if self.written >= frame.len() {
                self.written = 0;
                self.backlog.pop_front();
            }
        }
        self.watch(epoll, EventFlags::IN)
    }

    fn watch(&self, epoll: &OwnedFd, interest: EventFlags) -> io::Result<()> {
        Ok(epoll::modify(epoll, &self.stream, EventData::new_u64(self.token), interest)?)
    }

    fn accept(&mut self, request: &[u8]) -> io::Result<()> {
        let mut response = upgrade_response(request).ok_or(ErrorKind::InvalidData)?;
        write_server_text(&mut response, OPEN);
        self.is_upgraded = true;
        self.stream.write_all(&response)
    }

    /// Takes the complete frames; how many bytes they were.
    fn take_frames(&mut self, bytes: &mut [u8], on_event: &mut impl FnMut(Rc<[u8]>)) -> io::Result<usize> {
        let mut taken = 0;
        while let Some(header) = bytes.get(taken..).and_then(Header::read) {
            let start = taken + header.bytes;
            let end = start + usize::try_from(header.payload_bytes).unwrap_or(usize::MAX / 2);
            let Some(payload) = bytes.get_mut(start..end) else { break };
            apply_mask(payload, header.mask.unwrap_or_default());
            match payload {
                // Here everybody is in every room.
                [b'4', b'2', ..] if event::is_entry(payload) => {}
                [b'4', b'2', ..] => {
                    let mut frame = Vec::with_capacity(payload.len() + 10);
                    write_server_text(&mut frame, payload);
                    on_event(frame.into());
                }
                [b'4', b'0', ..] => {
                    self.is_member = true;
                    let mut answer = Vec::new();
                    write_server_text(&mut answer, CONNECTED);
                    self.stream.write_all(&answer)?;
                }
                _ => {}
            }
            taken = end;
        }
        Ok(taken)
    }
}

const OPEN: &[u8] =
    br#"0{"sid":"AAAAAAAAAAAAAAAAAAAA","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
const CONNECTED: &[u8] = br#"40{"sid":"BBBBBBBBBBBBBBBBBBBB"}"#;
