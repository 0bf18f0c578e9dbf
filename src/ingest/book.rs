//! The bookkeeper: a thread that writes appended lines to the lake and gathers what accounts and dimensions need.

use crate::ingest::facts::{RowKeys, day_of};
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::{Crew, Watch, Worker};
use crate::warehouse::Gathered;
use retailscope_engine::clean::line::LineBatch;
use retailscope_engine::control::{Charge, Control};
use retailscope_engine::lake::{Keys, LakeWriter, Written};
use retailscope_engine::warehouse::{Account, Dimensions};
use std::fs::File;
use std::io::BufWriter;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Lines that were appended to the facts.
pub struct Appended {
    /// The lines; `is_merchandise` is what the product dimension says.
    pub lines: LineBatch,
    /// Their keys.
    pub keys: RowKeys,
    _charge: Charge,
}

impl Appended {
    /// Lines and their keys; `charge` is for the memory that they hold.
    pub fn new(lines: LineBatch, keys: RowKeys, charge: Charge) -> Appended {
        Appended {
            lines,
            keys,
            _charge: charge,
        }
    }
}

/// What the main thread hands over.
pub enum Book {
    /// Lines that were appended.
    Packet(Box<Appended>),
    /// The lake file that the lines of the next month go to.
    File {
        /// An empty file.
        file: File,
        /// Its place in the lake.
        path: String,
        /// Year of its lines.
        year: i32,
        /// Month of its lines.
        month: u32,
    },
    /// No more lines of this month.
    EndOfMonth,
}

/// A lake file that is complete and on disk.
pub struct Stored {
    /// Its place in the lake.
    pub path: String,
    /// Year of its lines.
    pub year: i32,
    /// Month of its lines.
    pub month: u32,
    /// What it holds.
    pub written: Written,
}

/// The books when all is done.
pub struct Closed {
    /// Totals of all lines.
    pub account: Account,
    /// Lake files, in the order of their making.
    pub files: Vec<Stored>,
}

/// The thread's state.
pub struct Bookkeeper {
    batch_id: i64,
    account: Account,
    dimensions: Dimensions,
    open: Option<(LakeWriter<BufWriter<File>>, String, i32, u32)>,
    files: Vec<Stored>,
}

/// The bookkeeper's queues and thread.
pub type Started = (SyncSender<Book>, Receiver<Gathered>, Worker<Closed>);

impl Bookkeeper {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(crew: &Crew<'_, '_>, batch_id: i64) -> Outcome<Started> {
        let (books_to, books_from) = sync_channel::<Book>(4);
        let (gathered_to, gathered_from) = channel();
        let control = crew.watch();
        let worker = crew.spawn("bookkeeper", move || {
            let keeper = Bookkeeper {
                batch_id,
                account: Account::default(),
                dimensions: Dimensions::default(),
                open: None,
                files: Vec::new(),
            };
            keeper.run(&books_from, &gathered_to, control)
        })?;
        Ok((books_to, gathered_from, worker))
    }

    fn run(
        mut self,
        from: &Receiver<Book>,
        to: &Sender<Gathered>,
        control: &Watch,
    ) -> Outcome<Closed> {
        while let Ok(book) = control.idle(|| from.recv()) {
            control.check()?;
            match book {
                Book::Packet(appended) => {
                    self.enter(&appended, control)?;
                    if self.dimensions.is_full() {
                        self.hand_over(to);
                    }
                }
                Book::File {
                    file,
                    path,
                    year,
                    month,
                } => {
                    self.close_file()?;
                    let writer =
                        LakeWriter::new(BufWriter::with_capacity(1 << 18, file), self.batch_id)?;
                    self.open = Some((writer, path, year, month));
                }
                Book::EndOfMonth => self.close_file()?,
            }
        }
        control.check()?;
        self.close_file()?;
        self.hand_over(to);
        Ok(Closed {
            account: self.account,
            files: self.files,
        })
    }

    fn enter(&mut self, appended: &Appended, control: &dyn Control) -> Outcome<()> {
        let Appended { lines, keys, .. } = appended;
        for (row, (&customer, &product)) in keys.customer.iter().zip(&keys.product).enumerate() {
            let Some(line) = lines.line(row) else { break };
            let (day, merchandise) = (day_of(line.sold_at), line.is_merchandise);
            self.account.add(&line, merchandise, day)?;
            self.dimensions
                .add(&line, customer, product, merchandise, day);
        }
        if let Some((writer, ..)) = &mut self.open {
            let lake_keys = Keys {
                sale_id: &keys.sale_id,
                customer_key: &keys.customer,
                product_key: &keys.product,
            };
            writer.write(lines, &lake_keys, &keys.batch_id, control)?;
        }
        Ok(())
    }

    fn close_file(&mut self) -> Outcome<()> {
        let Some((writer, path, year, month)) = self.open.take() else {
            return Ok(());
        };
        let (out, written) = writer.finish()?;
        out.into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .map_err(|e| Failure::io("write the lake file", std::path::Path::new(&path), &e))?;
        self.files.push(Stored {
            path,
            year,
            month,
            written,
        });
        Ok(())
    }

    fn hand_over(&mut self, to: &Sender<Gathered>) {
        let gathered = Gathered {
            customers: self.dimensions.take_customers(),
            descriptions: self.dimensions.take_descriptions(),
            days: self.dimensions.take_days(),
        };
        // Nobody may be listening: an export has nothing new to tell the dimensions.
        let _heard = to.send(gathered);
    }
}
